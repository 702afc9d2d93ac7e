// The results as Markdown: by topic, by script, and what went wrong where.

import { readFileSync } from "node:fs";

import { scripts } from "./player.mjs";

const MARKS = { pass: "pass", fail: "**fail**", unseen: "–" };

export function table(results) {
  const topics = JSON.parse(readFileSync(new URL("../topics.json", import.meta.url), "utf8"));
  const hosts = [...new Set(results.map(({ host }) => host))].sort(byOurs);
  const all = scripts();
  const find = (host, script) => results.find((one) => one.host === host && one.script === script.name);
  const about = (topic) => all.filter((script) => script.about.includes(topic));

  const lines = ["# Who passes what", "", "Made by `npm run conformance -- --write`; [README.md](README.md) says how to read it.", ""];
  const columns = (...first) => [row(...first, ...hosts), row(...first.map(() => "---"), ...hosts.map(() => "---"))];
  lines.push(...columns("", "by topic"));
  for (const [topic, { title, unseen, note }] of Object.entries(topics)) {
    const cells = hosts.map((host) => (unseen ? "–" : share(about(topic).map((script) => find(host, script).outcome))));
    const remark = unseen ? `not seen: ${unseen}` : note;
    lines.push(row(topic, remark ? `${title} (${remark})` : title, ...cells));
  }

  lines.push("", ...columns("script", "holds"));
  for (const script of all) {
    lines.push(row(`\`${script.name}\``, script.title, ...hosts.map((host) => MARKS[find(host, script).outcome])));
  }
  const sum = (host) => {
    const of = results.filter((one) => one.host === host);
    return `${of.filter(({ outcome }) => outcome === "pass").length} of ${of.filter(({ outcome }) => outcome !== "unseen").length}`;
  };
  lines.push(row("", "passed of those played", ...hosts.map(sum)));

  for (const host of hosts) {
    const of = results.filter((one) => one.host === host);
    const failed = of.filter(({ outcome }) => outcome === "fail");
    const unseen = [];
    for (const { outcome, why } of of) {
      if (outcome === "unseen" && !unseen.includes(why)) unseen.push(why);
    }
    if (failed.length + unseen.length > 0) lines.push("", `## ${host}`, "");
    for (const { script, step, why } of failed) lines.push(`- \`${script}\`, step ${step}: ${why}`);
    for (const why of unseen) {
      const names = of.filter((one) => one.outcome === "unseen" && one.why === why).map(({ script }) => `\`${script}\``);
      lines.push(`- Not played, ${why}: ${names.join(", ")}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** Ours first. */
function byOurs(a, b) {
  const peer = (host) => (host.startsWith("TurnLayer") ? 0 : 1);
  return peer(a) - peer(b) || a.localeCompare(b);
}

function share(outcomes) {
  const played = outcomes.filter((outcome) => outcome !== "unseen");
  const passed = played.filter((outcome) => outcome === "pass").length;
  if (played.length === 0) return "–";
  return passed === played.length ? `${passed}/${passed}` : `**${passed}/${played.length}**`;
}

function row(...cells) {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
