"use strict";

/** Wilson's 95 % score interval of a share (Wilson 1927); null where nothing was decided. */
function wilson(wins, n) {
  if (n === 0) return null;
  const z = 1.959964, p = wins / n;
  const middle = p + (z * z) / (2 * n);
  const reach = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return [Math.max(0, (middle - reach) / scale), Math.min(1, (middle + reach) / scale)];
}

/** Which model a pick is for: "a", "b", "equal", or null where nothing was picked. */
function pickedModel(item, pick) {
  if (pick !== "left" && pick !== "right") return pick;
  return (pick === "left") === (item.left === "a") ? "a" : "b";
}

/** What the picks come to; contexts that both models answer in the same words are ties. */
function tally(data, picks) {
  const count = (model) =>
    data.items.filter((item, i) => pickedModel(item, picks[i]) === model).length;
  const winsA = count("a"), winsB = count("b"), decided = winsA + winsB;
  return {
    wins_a: winsA,
    wins_b: winsB,
    ties: count("equal"),
    same: data.num_same,
    win_rate_a: decided ? winsA / decided : null,
    interval_95: wilson(winsA, decided),
  };
}

/** All that a later analysis needs, in plain values. */
function exported(data, picks) {
  const { model_a, model_b, split, seed } = data;
  const items = data.items.map((item, i) => ({ ...item, pick: pickedModel(item, picks[i]) }));
  return { model_a, model_b, split, seed, ...tally(data, picks), items };
}

function start() {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const num = data.items.length;
  const key = `seq2seq sheet ${data.id}`;
  const cards = [...document.querySelectorAll(".reply")];
  const choices = [...document.querySelectorAll("[data-pick]")];
  let picks = kept();
  let position = firstOpen();

  // A browser may refuse to keep anything for a local file; the sheet works without.
  function kept() {
    try {
      const stored = JSON.parse(localStorage.getItem(key));
      if (Array.isArray(stored) && stored.length === num) return stored;
    } catch {}
    return Array(num).fill(null);
  }

  /** Where the person left off: the first that is not judged, or the result. */
  function firstOpen() {
    const open = picks.indexOf(null);
    return open === -1 ? num : open;
  }

  function keep() {
    try {
      localStorage.setItem(key, JSON.stringify(picks));
    } catch {}
  }

  function go(to) {
    position = Math.min(Math.max(to, 0), num);
    show();
  }

  function pick(side) {
    picks[position] = side;
    keep();
    go(firstOpen());
  }

  function show() {
    const isOver = position === num;
    byId("question").hidden = isOver;
    byId("result").hidden = !isOver;
    byId("progress").max = num;
    byId("progress").value = picks.filter((side) => side !== null).length;
    byId("count").textContent = isOver ? `${num} of ${num} judged` : `${position + 1} of ${num}`;
    if (isOver) showResult();
    else showQuestion(data.items[position]);
    document.activeElement?.blur(); // else the space bar would press what was clicked last
    window.scrollTo(0, 0);
  }

  function showQuestion(item) {
    const turns = item.turns.map((text, i) => {
      const turn = document.createElement("li");
      turn.textContent = text;
      // The reply is the other person's: so is every second turn before it.
      if ((item.turns.length - i) % 2 === 0) turn.className = "other";
      return turn;
    });
    byId("context").replaceChildren(...turns);
    const texts = item.left === "a" ? [item.a, item.b] : [item.b, item.a];
    cards.forEach((card, i) => {
      const line = card.querySelector("span");
      line.textContent = texts[i] || "(says nothing)";
      line.className = texts[i] ? "" : "silent";
    });
    for (const choice of choices) {
      choice.classList.toggle("picked", choice.dataset.pick === picks[position]);
    }
    byId("back").disabled = position === 0;
  }

  function showResult() {
    const result = tally(data, picks);
    const rows = [
      [`A: ${data.model_a}`, result.wins_a],
      [`B: ${data.model_b}`, result.wins_b],
      ["equal", result.ties],
    ];
    if (result.same) rows.push(["the same words, not shown", result.same]);
    byId("table").replaceChildren(
      ...rows.map(([name, value]) => {
        const row = document.createElement("tr");
        const head = row.appendChild(document.createElement("th"));
        head.scope = "row";
        head.textContent = name;
        row.appendChild(document.createElement("td")).textContent = value;
        return row;
      }),
    );
    const percent = (share) => `${(100 * share).toFixed(1)} %`;
    byId("rate").textContent = result.interval_95
      ? `Win rate of A: ${percent(result.win_rate_a)} ` +
        `(95 % interval ${result.interval_95.map(percent).join(" to ")})`
      : "No win rate: every pair was judged equal.";
  }

  function download() {
    const text = JSON.stringify(exported(data, picks), null, 2);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = `picks-${data.id}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function restart() {
    if (!confirm("Forget all picks?")) return;
    picks = Array(num).fill(null);
    keep();
    go(0);
  }

  for (const choice of choices) {
    choice.addEventListener("click", () => pick(choice.dataset.pick));
  }
  byId("back").addEventListener("click", () => go(position - 1));
  byId("reopen").addEventListener("click", () => go(num - 1));
  byId("download").addEventListener("click", download);
  byId("restart").addEventListener("click", restart);
  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const sides = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "equal" };
    if (event.key === "Backspace") go(position - 1);
    else if (event.key in sides && position < num) pick(sides[event.key]);
    else return;
    event.preventDefault();
  });
  show();
}

if (typeof document === "undefined") module.exports = { wilson, pickedModel, tally, exported };
else start();
