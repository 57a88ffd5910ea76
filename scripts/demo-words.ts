/** Names and messages of the demo's users. */
export const FIRST_NAMES = [
  ..."Ada Amir Anna Ben Carla Chen Dario Eva Femi Greta Hana Hugo Ines Ivan Jana Joao Kaya Kofi Lena Liam".split(" "),
  ..."Lucia Malik Mara Mei Milan Nadia Nils Noor Olga Omar Paula Priya Quinn Rafa Rosa Ruben Sami Sara Sven Tara".split(
    " ",
  ),
  ..."Theo Uma Vera Viktor Wanda Xenia Yara Yusuf Zara Zeno".split(" "),
];

export const LAST_NAMES =
  "Abel Brandt Costa Diaz Ekman Farkas Gomez Haas Ito Jansen Kovac Lindt Moreau Novak Okafor".split(" ");

export const CHANNELS: { name: string; type: "public" | "private"; topic: string; share: number }[] = [
  { name: "general", type: "public", topic: "For everyone", share: 1 },
  { name: "announcements", type: "public", topic: "News from the team", share: 1 },
  { name: "introductions", type: "public", topic: "Say hello and who you are", share: 0.9 },
  { name: "tickets", type: "public", topic: "Swaps, questions, last-minute seats", share: 0.7 },
  { name: "line-up", type: "public", topic: "Who plays when", share: 0.6 },
  { name: "getting-there", type: "public", topic: "Trains, shared cars, bicycles", share: 0.5 },
  { name: "food", type: "public", topic: "What to eat before and after", share: 0.5 },
  { name: "photos", type: "public", topic: "Pictures of the last shows", share: 0.4 },
  { name: "help", type: "public", topic: "Ask here, someone knows", share: 0.6 },
  { name: "off-topic", type: "public", topic: "Everything else", share: 0.5 },
  { name: "crew", type: "private", topic: "Shifts and set-up", share: 0.3 },
  { name: "moderators", type: "private", topic: "Reports and decisions", share: 0.1 },
];

export const OPENINGS = [
  "Does anyone know",
  "I was wondering",
  "Quick question:",
  "Can someone tell me",
  "I just asked at the box office",
];

export const QUESTIONS = [
  "when the doors open on Saturday?",
  "whether the balcony seats are numbered?",
  "if the late train still runs after the last encore?",
  "where to leave a bicycle for the night?",
  "who plays before the main act?",
  "if the small hall is sold out already?",
  "whether there will be something warm to eat?",
];

export const REMARKS = [
  "The sound in the small hall was wonderful last night.",
  "I have one ticket for Friday to give away, row 7.",
  "Rehearsal moved to six, the stage is not free before.",
  "Thank you all for carrying chairs, we were done in twenty minutes.",
  "My train is late, please keep a seat for me.",
  "The new posters have come and they look great.",
  "That encore! I still have it in my ears.",
  "Someone left a green scarf at the bar.",
  "The queue at the door is short right now.",
  "I uploaded my pictures of the soundcheck.",
  "Next week the bar opens half an hour earlier.",
];

export const REPLIES = [
  "Yes, I think so.",
  "Same here!",
  "No idea, but I can ask tomorrow.",
  "Half past seven, it says on the poster.",
  "Thanks, that helps.",
  "I can take two people in my car.",
  "Count me in.",
  "That was my question too.",
  "Ask at the box office, they were very kind to me.",
];
