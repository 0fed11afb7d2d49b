#include "node/http/events.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "node/view/garbage_words.h"
#include "node/view/node_state.h"
#include "node/view/text.h"

namespace kith {
namespace {

using Link = std::pair<std::string, std::string>;

constexpr std::size_t kLinksNamed = 4;

// Links that somebody cuts, each once.
std::set<Link> links_cut(const Picture& picture) {
  std::set<Link> out;
  for (const SeenNode& from : picture.nodes) {
    if (!from.status || from.status->links_cut.empty()) continue;
    for (const SeenNode& to : picture.nodes) {
      if (to.name != from.name && cuts_link(*from.status, to.name)) out.insert(std::minmax(from.name, to.name));
    }
  }
  return out;
}

// Those in `now` and not in `before`; of many at once the first few are named.
void tell_links(const std::set<Link>& before, const std::set<Link>& now, std::int64_t wall_ms, const std::string& kind, const std::string& severity,
                const std::pair<std::string, std::string>& what, Events& events) {
  std::vector<Link> news;
  std::set_difference(now.begin(), now.end(), before.begin(), before.end(), std::back_inserter(news));
  if (news.size() <= kLinksNamed) {
    for (const auto& [a, b] : news) events.add(wall_ms, kind, severity, "the link between " + a + " and " + b + " " + what.first);
    return;
  }
  std::string text = count_of(news.size(), "link", "links") + " " + what.second + ": ";
  for (std::size_t i = 0; i < kLinksNamed; ++i) text += (i == 0 ? "" : ", ") + news[i].first + " and " + news[i].second;
  events.add(wall_ms, kind, severity, text + ", and " + std::to_string(news.size() - kLinksNamed) + " more");
}

std::string severity_of(Agreement agreement) {
  return agreement == Agreement::kConverged ? "good" : agreement == Agreement::kBehind ? "warning" : "bad";
}

std::string severity_of(Severity severity) {
  return severity == Severity::kGood ? "good" : severity == Severity::kWarning ? "warning" : "bad";
}

void tell_of_node(const SeenNode* before, const SeenNode& now, std::int64_t wall_ms, Events& events) {
  if (before == nullptr) return events.add(wall_ms, "node", "info", now.name + " (" + now.address + ") is a member");
  if (before->answers() && !now.answers()) {
    events.add(wall_ms, "cut", "bad", now.name + " cannot be reached: " + now.error);
    return;
  }
  if (!before->answers() && now.answers()) events.add(wall_ms, "heal", "good", now.name + " answers again");
  if (!before->status || !now.status) return;
  const auto view = [](const SeenNode& node) {
    return NodeView{.name = node.name, .address = node.address, .status = node.status, .error = {}, .shards = {}};
  };
  // What a state says may hold numbers that move: the kind of it is what counts.
  const NodeState was = state_of(view(*before)), is = state_of(view(now));
  if (was.severity != is.severity) events.add(wall_ms, "node", severity_of(is.severity), now.name + " is " + is.text);
  if (before->status->uptime_ms > now.status->uptime_ms) events.add(wall_ms, "node", "info", now.name + " was started anew");
  const std::string& held_before = before->status->garbage.held_by;
  const std::string& held_now = now.status->garbage.held_by;
  if (held_before != held_now && now.status->garbage.collects) {
    events.add(wall_ms, "horizon", held_now.empty() ? "good" : "info",
               held_now.empty() ? "nobody holds the horizon of " + now.name : "the horizon of " + now.name + " waits for " + held_now);
  }
}

}  // namespace

void Events::add(std::int64_t wall_ms, std::string kind, std::string severity, std::string text) {
  if (text.size() > kEventBytesMax) {
    std::size_t end = kEventBytesMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text.resize(end);
    text += "...";
  }
  const std::scoped_lock lock(mutex_);
  events_.push_back({++last_, wall_ms, std::move(kind), std::move(severity), std::move(text)});
  if (events_.size() > kEventsMax) events_.pop_front();
}

std::vector<Event> Events::after(std::uint64_t number, std::size_t most) const {
  const std::scoped_lock lock(mutex_);
  std::vector<Event> out;
  for (const Event& event : events_) {
    if (event.number > number) out.push_back(event);
  }
  if (out.size() > most) out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(most));
  return out;
}

std::uint64_t Events::last() const {
  const std::scoped_lock lock(mutex_);
  return last_;
}

void tell_changes(const Picture* before, const Picture& now, Events& events) {
  const std::int64_t wall_ms = now.taken_wall_ms;
  const std::set<Link> cut_before = before == nullptr ? std::set<Link>() : links_cut(*before);
  const std::set<Link> cut_now = links_cut(now);
  tell_links(cut_before, cut_now, wall_ms, "cut", "warning", {"is cut, on purpose", "are cut, on purpose"}, events);
  tell_links(cut_now, cut_before, wall_ms, "heal", "good", {"is whole again", "are whole again"}, events);
  for (const SeenNode& node : now.nodes) {
    if (before != nullptr) {
      tell_of_node(before->find(node.name), node, wall_ms, events);
    } else if (!node.answers()) {
      events.add(wall_ms, "cut", "bad", node.name + " cannot be reached: " + node.error);
    }
  }
  if (before != nullptr) {
    for (const SeenNode& node : before->nodes) {
      if (now.find(node.name) == nullptr) events.add(wall_ms, "node", "info", node.name + " is no member any more");
    }
  }
  if (before == nullptr || before->verdict.agreement != now.verdict.agreement) {
    events.add(wall_ms, "agreement", severity_of(now.verdict.agreement), now.verdict.sentence);
  }
}

}  // namespace kith
