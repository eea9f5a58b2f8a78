#!/usr/bin/env bash
# A model of depth 24 on four machines of eight H100 each, under SLURM. The training takes about 0.8 hours.
#
#     export NANOCHAT_BASE_DIR=/shared/nanochat     # on a disk that all machines see
#     sbatch runs/slurm.sh                          # or: sbatch --nodes=2 runs/slurm.sh
#
# The batch of a step stays the same on any number of machines, and so does the loss. When the time is nearly
# up the training saves, and the job puts itself into the queue again; it goes on where it was, also on
# another number of machines.
#SBATCH --job-name=nanochat-d24
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --exclusive
#SBATCH --time=02:00:00
#SBATCH --signal=B:TERM@180
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=nanochat-%j.log
set -euo pipefail
cd "${SLURM_SUBMIT_DIR:?start this script with sbatch}"
# shellcheck source=runs/environment.sh
source runs/environment.sh

# Once, on the first machine: text and tokenizer, as in eight_h100.sh.
nanochat data prepare --corpus climbmix --shards 190
if [ ! -d "$NANOCHAT_BASE_DIR/tokenizer/climbmix" ]; then
  nanochat tokenizer train --corpus climbmix --name climbmix --vocab-size 32768 --max-bytes 2000000000
fi

# On every machine srun starts one torchrun, which starts eight processes there. They find each other at the
# first machine; the job's number keeps them apart from other jobs. (sed, since head would close the pipe early.)
first_machine="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p)"
srun torchrun --nnodes="$SLURM_JOB_NUM_NODES" --nproc_per_node=8 \
  --rdzv-id="$SLURM_JOB_ID" --rdzv-backend=c10d --rdzv-endpoint="$first_machine:29500" \
  -m nanochat train base --depth 24 --corpus climbmix --tokenizer climbmix --name d24 --resume "$@" &
training=$!

# SLURM sends SIGTERM to this script three minutes before the end. srun hands it to every torchrun, which
# hands it to every process: they finish the step, save and leave.
out_of_time=no
trap 'out_of_time=yes; kill -TERM "$training"' TERM
result=0
wait "$training" || result=$?
if [ "$out_of_time" = yes ]; then
  wait "$training" || true # the first wait ended with the signal
  scontrol requeue "$SLURM_JOB_ID"
  exit 0
fi
exit "$result"
