/** A quiz question: choosing an option says whether it is right, and why. */
export function openQuizzes(questions: Iterable<HTMLElement>): void {
  for (const question of questions) question.addEventListener("change", () => grade(question));
}

function grade(question: HTMLElement): void {
  const chosen = question.querySelector<HTMLInputElement>("input:checked");
  const verdict = question.querySelector(".quiz-verdict");
  if (!chosen || !verdict) return;
  const right = chosen.hasAttribute("data-right");
  for (const label of question.querySelectorAll("label")) label.classList.remove("right", "wrong");
  chosen.closest("label")?.classList.add(right ? "right" : "wrong");
  verdict.textContent = right ? "Right." : "Not this one. Try again, or open the answer.";
  verdict.classList.toggle("right", right);
  // A right answer opens its reason; a wrong one leaves the answer to be found.
  const why = question.querySelector<HTMLDetailsElement>(".quiz-why");
  if (why && right) why.open = true;
}
