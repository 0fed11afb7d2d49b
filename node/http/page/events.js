// ---- What happened

const event_marks = { cut: "✂", heal: "✓", agreement: "≡", horizon: "⌛", node: "●", log: "·" };
const kEventsShown = 200;

function take_events(events) {
  const list = $("events");
  for (const event of events) {
    const mark = event.kind === "log" || event.kind === "node" ? marks[event.severity] : event_marks[event.kind] || "·";
    list.prepend(element("li", { "data-kind": event.kind, title: event.time },
      element("time", { datetime: event.time }, clock(event.time)),
      element("span", { class: "mark " + event.severity, "aria-label": event.kind }, mark),
      element("span", {}, event.text)));
  }
  while (list.children.length > kEventsShown) list.lastElementChild.remove();
  take_events_for_chart(events);
}
