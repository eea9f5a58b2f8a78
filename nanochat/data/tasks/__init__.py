"""Guide 4 and guide 7: tasks, conversations to learn from and questions to be judged by."""
