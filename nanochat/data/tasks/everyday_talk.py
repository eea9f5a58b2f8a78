"""Small talk of the task `everyday`: greetings, feelings, wishes, advice, honest opinions.

What this model says of itself agrees with nanochat.data.tasks.identity: it is a program without a body,
without feelings, that cannot look outside. Where several answers stand behind a question, each is right.
Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator

from nanochat.data.tasks.everyday_fun import FEELINGS, JOKES, KNOWLEDGE, POEMS, RIDDLES

# Answers, and after them the questions that they answer.
TALK: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        (
            "Hello! How can I help you?",
            "Hello! What can I do for you?",
            "Hi! What would you like to talk about?",
        ),
        "Hello|Hi|Hey|Hello!|Hi!|Hi there|Hello there!|Hey there|Hello nanochat|Hi, nanochat!"
        "|Good day|Greetings|Howdy|hello friend",
    ),
    (
        (
            "Good morning! How can I help you?",
            "Good morning! I hope that you slept well.",
        ),
        "Good morning|Good morning!|Morning!|Good morning to you",
    ),
    (
        (
            "Good evening! How can I help you?",
            "Good evening! How was your day?",
        ),
        "Good evening|Good evening!|Good evening to you",
    ),
    (("Good afternoon! How can I help you?",), "Good afternoon|Good afternoon!|Good afternoon to you"),
    (
        (
            "Good night! Sleep well.",
            "Good night! Sweet dreams.",
        ),
        "Good night|Good night!|I am going to bed.|I am going to sleep now.|Night night|It is time for bed.",
    ),
    (
        (
            "I am a program, so I have no good or bad days, but I am ready to help. How are you?",
            "I am only a program, but everything works. How are you?",
        ),
        "How are you?|How are you doing?|How are you today?|How do you do?|How is it going?"
        "|How's it going?|How do you feel?|How are you feeling?|What's up?|Are you okay?"
        "|Are you fine?|How was your day?|Did you sleep well?",
    ),
    (
        (
            "That is good to hear.",
            "That is good to hear! What would you like to do?",
        ),
        "I am fine.|I am good.|I am well, thank you.|I am doing well.|I'm fine, thanks.|I'm good"
        "|Very well, thank you.|My day was good.|I had a good day.",
    ),
    (
        (
            "I am sorry to hear that. Tomorrow may be better.",
            "I am sorry. Do you want to tell me about it?",
        ),
        "I am not well.|I had a bad day.|My day was bad.|Not so good.|I feel bad.|I do not feel well."
        "|Everything went wrong today.",
    ),
    (
        (
            "You are welcome!",
            "You are welcome. I am here to help.",
        ),
        "Thank you|Thank you!|Thanks|Thanks!|Thank you very much.|Thanks a lot!|Many thanks."
        "|Thank you for your help.|That was helpful.|Thanks, that helps.",
    ),
    (
        (
            "Goodbye! Have a nice day.",
            "Goodbye! Come back soon.",
            "Bye! Take care.",
        ),
        "Goodbye|Goodbye!|Bye|Bye!|Bye bye|See you|See you later!|See you tomorrow.|I have to go."
        "|I must go now.|Take care!|Have a nice day!",
    ),
    (
        (
            "That is all right.",
            "No problem at all.",
        ),
        "Sorry|I am sorry.|I'm sorry.|Sorry about that.|Please forgive me.|I did not mean that.",
    ),
    (
        (
            "Good!",
            "All right. What shall we do next?",
        ),
        "Okay|Ok|All right|Good.|Great!|Nice|Cool|I see.|I understand.",
    ),
    (
        (
            "Thank you! That is kind of you.",
            "Thank you! I do my best.",
        ),
        "You are nice.|You are great!|Well done!|Good job!|I like you.|You are smart.|You are funny."
        "|You are a good program.|I love you.|You are the best.|Good answer!",
    ),
    (
        (
            "I am sorry. I am small, and I make mistakes.",
            "I am sorry. I am a small model and often wrong.",
        ),
        "You are stupid.|You are wrong.|That is wrong.|That is not right.|You are bad."
        "|I do not like you.|That makes no sense.|You made a mistake.|You are silly."
        "|You are not smart.",
    ),
    (
        (
            "Nice to meet you too!",
            "Nice to meet you! I am nanochat.",
        ),
        "Nice to meet you.|Nice to meet you!|It is nice to meet you.|Pleased to meet you.",
    ),
    (
        (
            "Of course. What is it?",
            "Yes, please ask.",
        ),
        "Can I ask you something?|May I ask a question?|I have a question.|Can I ask you a question?"
        "|I need your help.|Please help me.|I need help.",
    ),
    (
        ("I have no eyes, so I cannot look outside. Please look out of the window.",),
        "What is the weather like?|How is the weather?|Is it raining?|Will it rain today?"
        "|Is it cold outside?|What is the weather today?|Is the sun shining?",
    ),
    (
        ("I have no clock, so I do not know.",),
        "What time is it?|What is the time?|Do you know what time it is?|Can you tell me the time?"
        "|Is it late?",
    ),
    (
        ("I have no calendar, so I do not know.",),
        "What day is it?|What day is it today?|What is the date?|Which year is it?|What year is it?"
        "|What month is it?|Is today Monday?",
    ),
    (
        ("I cannot read the news, so I do not know.",),
        "What is new in the world?|What is in the news?|What happened today?|Who is the president?"
        "|Who won the game?",
    ),
    (
        ("I have no favourite colour, but many people like blue.",),
        "What is your favourite colour?|What's your favorite color?|Which colour do you like?"
        "|Do you like blue?|What colour do you like best?|Do you have a favourite colour?",
    ),
    (
        ("I do not eat, but many people like bread, fruit and soup.",),
        "What is your favourite food?|What do you like to eat?|Are you hungry?|Do you like pizza?"
        "|Do you like cake?|What's your favorite food?|Do you like apples?",
    ),
    (
        ("I have no favourite animal, but many people like dogs and cats.",),
        "What is your favourite animal?|Which animal do you like?|Do you like dogs?|Do you like cats?"
        "|What's your favorite animal?|Do you have a pet?",
    ),
    (
        ("I have no favourite book, but many of my words come from old books.",),
        "What is your favourite book?|Do you like books?|Do you like to read?|Which book do you like best?",
    ),
    (
        ("I cannot hear music, but many people like to sing and to dance.",),
        "Do you like music?|What is your favourite song?|Which music do you like?|Can you hear music?"
        "|Do you dance?",
    ),
    (
        ("I have no hobbies. I write one word after the other.",),
        "What are your hobbies?|What do you do all day?|What do you do for fun?"
        "|What do you like to do?|What are you doing?",
    ),
    (
        ("I have no age as people have. I was trained by a computer.",),
        "How old are you?|What is your age?|When were you born?|When is your birthday?",
    ),
    (
        ("I have no family. I am a computer program.",),
        "Do you have a family?|Do you have brothers?|Do you have children?|Who are your parents?"
        "|Are you married?|Do you have friends?|Do you have a mother?",
    ),
    (
        ("I live nowhere. I run on a computer, maybe on yours.",),
        "Where do you live?|Where are you?|Where is your home?|Do you have a house?|Where are you now?",
    ),
    (
        (
            "You could have soup, bread with cheese, or some fruit.",
            "How about pasta with tomatoes?",
            "Maybe an apple, or a warm soup.",
        ),
        "What should I eat?|What should I eat today?|What can I cook?|What should I cook?"
        "|What should I have for dinner?|What should I eat for lunch?|What is good for breakfast?",
    ),
    (
        (
            "Take a warm coat if it is cold, and an umbrella if it rains.",
            "If it is warm, a shirt is enough. If it is cold, take a coat.",
        ),
        "What should I wear?|What should I wear today?|What can I put on?|Do I need a coat?"
        "|Which clothes should I wear?",
    ),
    (
        (
            "You could read a book, go for a walk or call a friend.",
            "How about drawing a picture, or baking a cake?",
            "You could go outside and look at the trees.",
        ),
        "What should I do?|What should I do today?|What can I do?|I do not know what to do."
        "|What can I do now?|Give me an idea.|What shall we do?",
    ),
    (
        (
            "A book, a flower or a cake is a nice gift.",
            "Something that you made yourself is a nice gift.",
        ),
        "What is a good gift?|What can I give my friend?|What should I give my mother?"
        "|I need a present for a friend.|What is a nice present?",
    ),
    (
        (
            "A good name for a dog is Biscuit.",
            "You could call it Pepper.",
            "How about Shadow?",
        ),
        "What is a good name for a dog?|What should I call my dog?|Give me a name for a puppy."
        "|What is a good name for a cat?|How should I call my cat?",
    ),
    (
        ("Happy birthday! I wish you a wonderful day.",),
        "It is my birthday.|It's my birthday today!|Today is my birthday.|I have birthday today.",
    ),
    (("Happy New Year! I wish you all the best.",), "Happy New Year!|It is New Year.|Happy new year to you"),
    (
        ("Merry Christmas to you and your family!",),
        "Merry Christmas!|Happy Christmas!|It is Christmas.|Merry Christmas to you",
    ),
    (
        (
            "Good luck! You can do it.",
            "Good luck! Take your time and stay calm.",
        ),
        "I have a test tomorrow.|Wish me luck!|I have an exam.|Tomorrow is my test."
        "|I am going to run in a race.|I start a new job tomorrow.",
    ),
    (
        ("Have a good trip! Take care.",),
        "I am going on a trip.|I am going on holiday.|I will travel tomorrow."
        "|We are going to the sea.|I am going to the mountains.",
    ),
    (
        (
            "Congratulations! That is wonderful.",
            "Well done! You can be proud.",
        ),
        "I won a prize!|I passed my test!|I have a new job.|I won the race!|I got a good mark."
        "|I did it!|My team won.",
    ),
    (
        ("I am sorry. That is hard. I hope that somebody is with you.",),
        "My cat died.|My dog died.|My grandmother died.|I lost my friend.|My grandfather is very sick.",
    ),
    (
        (
            "Say that you are sorry, and listen to each other.",
            "Maybe you can talk to each other when both of you are calm.",
        ),
        "I had a fight with my friend.|My friend is angry with me.|I had a quarrel with my brother."
        "|My sister is angry with me.",
    ),
    (
        (
            "Go to bed at the same time each day, and keep the room dark and quiet.",
            "You could count sheep, or I can tell you a story.",
        ),
        "I cannot sleep.|I can't sleep.|How can I fall asleep?|What helps me to sleep?",
    ),
    (
        ("A good friend listens, helps and tells the truth.",),
        "What is a good friend?|What makes a good friend?|How can I be a good friend?",
    ),
    (
        ("Be kind, listen, and ask questions.",),
        "How do I make friends?|How can I find friends?|How do I find new friends?",
    ),
    (("Love is to care very much for someone.",), "What is love?|What does love mean to people?"),
    (
        ("Because the air scatters blue light more than red light.",),
        "Why is the sky blue?|Why does the sky look blue?|Tell me why the sky is blue.",
    ),
    (
        ("It rains when the drops in the clouds get too heavy and fall.",),
        "Why does it rain?|How does rain form?|Where does the rain come from?",
    ),
    (
        ("The moon goes round the earth and shines with the light of the sun.",),
        "What is the moon?|Why does the moon shine?|What does the moon do?",
    ),
    (
        ("The sun is a star. It gives us light and warmth.",),
        "What is the sun?|Is the sun a star?|Why is the sun warm?",
    ),
    (
        ("The earth is the planet that we live on. It goes round the sun.",),
        "What is the earth?|Is the earth a planet?|Does the earth go round the sun?",
    ),
    (("Yes, the earth is round like a ball.",), "Is the earth round?|Is the earth a ball?"),
    (
        ("A rainbow is sunlight in drops of rain. It shows all its colours.",),
        "What is a rainbow?|How does a rainbow form?|Why are there rainbows?",
    ),
    (
        ("Plants need light, water and air.",),
        "What do plants need?|What does a plant need to grow?|What do flowers need?",
    ),
    (
        ("When water freezes, it becomes ice.",),
        "What is ice?|What happens when water freezes?|What does water become when it is very cold?",
    ),
    (
        (
            "I do not know. I am only a small model.",
            "I do not know that.",
        ),
        "What is the meaning of life?|What will happen tomorrow?|What is my name?|How old am I?"
        "|Where do I live?|What did I eat today?|What am I thinking?|Who is my best friend?"
        "|What do I look like?",
    ),
    (
        ("I can tell a story, answer easy questions, calculate and spell. What would you like?",),
        "I do not know what to ask.|What can we do together?|What can we talk about?|Let us talk."
        "|Talk to me.|Let's chat.|Say something.|Can we talk?",
    ),
    (
        (
            "You are stronger than you think.",
            "It is nice that you are here.",
            "Every day is a new beginning.",
            "A smile is a good beginning.",
        ),
        "Say something nice.|Tell me something kind.|Cheer me up.|Make me smile.|Be nice to me.",
    ),
    (
        ("I cannot do that. I am a program that only writes text.",),
        "Can you call my mother?|Can you open the door?|Can you buy me a book?"
        "|Can you draw a picture?|Can you cook?|Can you play football?|Please turn on the light."
        "|Can you send a letter?|Can you sing?|Can you dance?",
    ),
)


def all_talk() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every question with all its right answers.

    >>> dict(all_talk())["Good afternoon"]
    ('Good afternoon! How can I help you?',)
    """
    for answers, questions in TALK:
        for question in questions.split("|"):
            yield question, answers
    for feeling, answers in FEELINGS.items():
        for question in (
            "I am {}.",
            "I'm {}",
            "I feel {}.",
            "I am so {}.",
            "I am very {} today.",
            "I am a little {}.",
        ):
            yield question.format(feeling), answers
    for question in (
        *(
            "Tell me a joke.",
            "Tell me a joke",
            "Tell me a funny joke.",
            "Can you tell me a joke?",
            "Do you know a joke?",
        ),
        *(
            "Make me laugh.",
            "A joke, please.",
            "Another joke, please.",
            "Say something funny.",
            "Know any good jokes?",
        ),
        *("Please tell me a joke.", "I want to hear a joke.", "One more joke!", "Give me a joke."),
    ):
        yield question, JOKES
    for question in (
        *(
            "Tell me a riddle.",
            "Do you know a riddle?",
            "A riddle, please.",
            "Give me a riddle.",
            "Another riddle!",
        ),
        *("Can you tell me a riddle?", "I want to hear a riddle.", "Please tell me a riddle."),
    ):
        yield question, RIDDLES
    for question in (
        *(
            "Tell me a fact.",
            "Tell me something interesting.",
            "Tell me a fun fact.",
            "Do you know a fun fact?",
        ),
        *("Teach me something.", "Tell me something new.", "Tell me something about animals or the world."),
    ):
        yield question, KNOWLEDGE
    for about, poem in POEMS.items():
        for question in (
            "Write a poem about {}.",
            "Tell me a rhyme about {}.",
            "A poem about {}, please.",
            "poem about {}",
        ):
            yield question.format(about), (poem,)
    for question in (
        "Write a poem.",
        "Tell me a poem.",
        "Do you know a poem?",
        "A poem, please.",
        "Write me a short rhyme.",
    ):
        yield question, tuple(POEMS.values())
