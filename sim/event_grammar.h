// sim/event_grammar.h -- the words of events as a table, read in both directions.
//
//     {Action::kCut, "cut NODES from NODES"}       lower case: said as it is; upper case: a member of Event
//
// to_words() walks the pattern of an event and writes; parse_event() tries the patterns in their order and reads.  A
// new action is one line here.  A part of sim/event.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sim/event.h"

namespace kith::sim {

enum class Slot : std::uint8_t {
  kLiteral,
  kNodes,        // NODES     one more group
  kNodesMore,    // NODES+    two or more groups
  kNode,         // NODE      one more group, of one
  kName,         // NAME      name
  kSpan,         // SPAN      amount, a duration
  kLasts,        // LASTS     lasts_us, a duration above zero
  kFor,          // FOR       [for DURATION], lasts_us
  kSignedSpan,   // SPAN+-    amount, a duration with a sign
  kPpm,          // PPM       amount
  kAmount,       // AMOUNT    amount, a whole number with or without a sign
  kWeather,      // WEATHER   weather: any of its parts, in any order
  kSession,      // SESSION   session
  kMembers,      // MEMBERS   members, one or more, up to the literal that comes next
  kMembersOrNone,  // MEMBERS*
  kKey,          // KEY       key
  kField,        // FIELD     members[0]
  kValue,        // VALUE     value
  kLabel,        // LABEL     label
  kOutcome,      // OUTCOME   outcome; of refused perhaps its reason, the value
  kWith,         // WITH      [with N|all], replicas
  kAs,           // AS        [as #LABEL], label
};

struct Element {
  Slot slot;
  std::string word;  // Of a literal.
};

struct Pattern {
  Action action;
  bool bridged;      // kSplit has two.
  std::vector<Element> elements;
};

const std::vector<Pattern>& event_patterns();           // Every action, in the order of sim/event.h.
const Pattern& pattern_of(const Event& event);
const std::vector<std::string>& first_words_of_events();  // "cut", "split", ...: of actions that are no client's.

struct WeatherPart {
  const char* word;
  std::optional<std::int64_t> Weather::*time;   // One of the two.
  std::optional<double> Weather::*share;
};
const std::vector<WeatherPart>& weather_parts();

}  // namespace kith::sim
