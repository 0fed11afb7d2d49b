#include "sim/event.h"

#include <algorithm>

#include "crdt/check.h"
#include "gossip/operation.h"
#include "sim/event_grammar.h"
#include "sim/spelling.h"

namespace kith::sim {

namespace {

std::string word(const std::string& text) { return is_plain_word(text) ? text : in_quotes(text); }

// A session called "start" would be taken for the action.
std::string session_word(const std::string& session) {
  if (session.empty()) return "nobody";
  const auto& actions = first_words_of_events();
  const bool action = std::find(actions.begin(), actions.end(), session) != actions.end();
  return action ? in_quotes(session) : word(session);
}

std::string words_of(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& text : list) out += (out.empty() ? "" : " ") + word(text);
  return out;
}

// "to" and "from" would end the list.
std::string words_of_members(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& text : list) {
    out += (out.empty() ? "" : " ") + (text == "to" || text == "from" ? in_quotes(text) : word(text));
  }
  return out;
}

class Writer {
 public:
  explicit Writer(const Event& event) : event_(event) {}

  std::string run() {
    out_ = "at " + to_words_duration(event_.at_us);
    for (const Element& element : pattern_of(event_).elements) put(element);
    return std::move(out_);
  }

 private:
  void say(const std::string& text) {
    if (!text.empty()) out_ += " " + text;
  }

  const std::vector<std::string>& next_group() {
    KITH_CHECK(group_ < event_.groups.size(), "an event lacks a group of nodes", static_cast<int>(event_.action),
               group_);
    return event_.groups[group_++];
  }
  void say_group() { say("[" + words_of(next_group()) + "]"); }

  void put(const Element& element) {
    switch (element.slot) {
      case Slot::kLiteral: say(element.word); break;
      case Slot::kNodes: say_group(); break;
      case Slot::kNodesMore:
        while (group_ + (event_.bridged ? 1 : 0) < event_.groups.size()) say_group();
        break;
      case Slot::kNode: say(words_of(next_group())); break;
      case Slot::kName: say(word(event_.name)); break;
      case Slot::kSpan: say(to_words_duration(event_.amount)); break;
      case Slot::kLasts: say(to_words_duration(event_.lasts_us)); break;
      case Slot::kFor:
        if (event_.lasts_us != 0) say("for " + to_words_duration(event_.lasts_us));
        break;
      case Slot::kSignedSpan: say(to_words_duration(event_.amount, true)); break;
      case Slot::kPpm: say((event_.amount > 0 ? "+" : "") + std::to_string(event_.amount)); break;
      case Slot::kAmount: say(std::to_string(event_.amount)); break;
      case Slot::kWeather: put_weather(); break;
      case Slot::kSession: say(session_word(event_.session)); break;
      case Slot::kMembers:
      case Slot::kMembersOrNone: say(words_of_members(event_.members)); break;
      case Slot::kKey: say(word(event_.key)); break;
      case Slot::kField: say(words_of(event_.members)); break;
      case Slot::kValue: say(word(event_.value)); break;
      case Slot::kLabel: put_label(); break;
      case Slot::kOutcome:
        say(event_.outcome);
        if (!event_.value.empty()) say(word(event_.value));
        break;
      case Slot::kWith:
        if (event_.replicas == kAllReplicas) say("with all");
        else if (event_.replicas != 1) say("with " + std::to_string(event_.replicas));
        break;
      case Slot::kAs:
        if (event_.label.empty()) break;
        say("as");
        put_label();
        break;
    }
  }

  void put_label() { say("#" + (is_plain_word(event_.label) ? event_.label : in_quotes(event_.label))); }

  void put_weather() {
    for (const WeatherPart& part : weather_parts()) {
      if (part.time != nullptr && event_.weather.*part.time) {
        say(std::string(part.word) + " " + to_words_duration(*(event_.weather.*part.time)));
      }
      if (part.share != nullptr && event_.weather.*part.share) {
        say(std::string(part.word) + " " + to_words_share(*(event_.weather.*part.share)));
      }
    }
  }

  const Event& event_;
  std::size_t group_ = 0;
  std::string out_;
};

}  // namespace

bool is_client_action(Action action) { return action >= Action::kAdd && action <= Action::kVanish; }
bool is_write(Action action) { return action >= Action::kAdd && action <= Action::kIncrement; }
bool is_claim(Action action) { return action >= Action::kExpectValue; }

std::string to_words(const Event& event) { return Writer(event).run(); }

}  // namespace kith::sim
