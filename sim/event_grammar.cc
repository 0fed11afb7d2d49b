#include "sim/event_grammar.h"

#include <algorithm>
#include <map>
#include <sstream>

#include "crdt/check.h"

namespace kith::sim {

namespace {

struct Line {
  Action action;
  const char* words;
  bool bridged = false;
};

constexpr Line kLines[] = {
    {Action::kCut, "cut NODES from NODES"},
    {Action::kCutOneWay, "cut NODES to NODES"},
    {Action::kSplit, "split NODES+"},
    {Action::kSplit, "split NODES+ bridged by NODES", true},
    {Action::kSwizzle, "swizzle NODES over SPAN"},
    {Action::kHeal, "heal"},
    {Action::kHealBetween, "heal NODES and NODES"},
    {Action::kClog, "clog NODES to NODES"},
    {Action::kUnclog, "unclog"},
    {Action::kWeather, "weather WEATHER"},

    {Action::kCrash, "crash NODES"},
    {Action::kStop, "stop NODES"},
    {Action::kStart, "start NODES"},
    {Action::kRestart, "restart NODES"},
    {Action::kPause, "pause NODES"},
    {Action::kResume, "resume NODES"},
    {Action::kJoin, "join NAME through NODES"},
    {Action::kLeave, "leave NODES"},
    {Action::kDrain, "drain NODES"},
    {Action::kDrainForNow, "drain NODES for now"},
    {Action::kStay, "stay NODES"},
    {Action::kEvict, "evict NODES at NODE"},
    {Action::kRecover, "recover NODE without NODES"},

    {Action::kLoseDisk, "lose disk of NODES"},
    {Action::kBackUp, "back up NODES"},
    {Action::kRestore, "restore NODES"},
    {Action::kSwapDisks, "swap disks of NODES"},
    {Action::kClone, "clone NODE as NAME"},
    {Action::kFillDisk, "fill disk of NODES"},
    {Action::kFreeDisk, "free disk of NODES"},
    {Action::kFailSync, "fail sync of NODES"},
    {Action::kSyncTime, "syncs of NODES take SPAN"},
    {Action::kFlipBit, "flip a bit on NODES"},

    {Action::kStepClock, "step clock of NODES by SPAN+-"},
    {Action::kDriftClock, "drift clock of NODES by PPM ppm"},
    {Action::kFreezeClock, "freeze clock of NODES"},
    {Action::kRightClock, "right clock of NODES"},

    {Action::kRetry, "retry LABEL at NODE"},
    {Action::kExpectEvicted, "expect evicted NODES at NODES"},
    {Action::kExpectNobodyEvicted, "expect nobody evicted at NODES"},
    {Action::kExpectLeft, "expect left NODES at NODES"},
    {Action::kExpectDead, "expect dead NODES at NODES"},
    {Action::kExpectNobodyDead, "expect nobody dead at NODES"},
    {Action::kExpectValue, "expect KEY = VALUE at NODES"},
    {Action::kExpectMissing, "expect KEY is missing at NODES"},
    {Action::kExpectMembers, "expect KEY has { MEMBERS* } at NODES"},
    {Action::kExpectField, "expect FIELD of KEY = VALUE at NODES"},
    {Action::kExpectCount, "expect KEY counts AMOUNT at NODES"},
    {Action::kExpectRecords, "expect KEY keeps AMOUNT records at NODES"},
    {Action::kExpectReply, "expect LABEL is OUTCOME"},
    {Action::kExpectConvergence, "expect convergence within SPAN"},

    {Action::kAdd, "SESSION adds MEMBERS to KEY at NODE WITH AS"},
    {Action::kRemove, "SESSION removes MEMBERS from KEY at NODE WITH AS"},
    {Action::kSet, "SESSION sets KEY to VALUE FOR at NODE WITH AS"},
    {Action::kDelete, "SESSION deletes KEY at NODE WITH AS"},
    {Action::kSetField, "SESSION sets FIELD of KEY to VALUE FOR at NODE WITH AS"},
    {Action::kDeleteField, "SESSION deletes FIELD of KEY at NODE WITH AS"},
    {Action::kExpire, "SESSION expires KEY in LASTS at NODE WITH AS"},
    {Action::kExpireField, "SESSION expires FIELD of KEY in LASTS at NODE WITH AS"},
    {Action::kPersist, "SESSION persists KEY at NODE WITH AS"},
    {Action::kPersistField, "SESSION persists FIELD of KEY at NODE WITH AS"},
    {Action::kIncrement, "SESSION increments KEY by AMOUNT at NODE WITH AS"},
    {Action::kRead, "SESSION reads KEY at NODE"},
    {Action::kVanish, "SESSION vanishes"},
};

Element element_of(const std::string& word) {
  static const std::map<std::string, Slot> kSlots = {
      {"NODES", Slot::kNodes},       {"NODES+", Slot::kNodesMore},  {"NODE", Slot::kNode},
      {"NAME", Slot::kName},         {"SPAN", Slot::kSpan},         {"SPAN+-", Slot::kSignedSpan},
      {"LASTS", Slot::kLasts},       {"FOR", Slot::kFor},
      {"PPM", Slot::kPpm},           {"AMOUNT", Slot::kAmount},     {"WEATHER", Slot::kWeather},   {"SESSION", Slot::kSession},
      {"MEMBERS", Slot::kMembers},   {"MEMBERS*", Slot::kMembersOrNone}, {"KEY", Slot::kKey},
      {"FIELD", Slot::kField},       {"VALUE", Slot::kValue},       {"LABEL", Slot::kLabel},
      {"OUTCOME", Slot::kOutcome},   {"WITH", Slot::kWith},         {"AS", Slot::kAs}};
  const auto slot = kSlots.find(word);
  return slot == kSlots.end() ? Element{Slot::kLiteral, word} : Element{slot->second, ""};
}

std::vector<Pattern> make_patterns() {
  std::vector<Pattern> out;
  for (const Line& line : kLines) {
    Pattern pattern{line.action, line.bridged, {}};
    std::istringstream words(line.words);
    for (std::string word; words >> word;) pattern.elements.push_back(element_of(word));
    out.push_back(std::move(pattern));
  }
  return out;
}

}  // namespace

const std::vector<Pattern>& event_patterns() {
  static const std::vector<Pattern> kPatterns = make_patterns();
  return kPatterns;
}

const Pattern& pattern_of(const Event& event) {
  const auto& all = event_patterns();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Pattern& pattern) {
    return pattern.action == event.action && (event.action != Action::kSplit || pattern.bridged == event.bridged);
  });
  KITH_CHECK(found != all.end(), "an action without words", static_cast<int>(event.action));
  return *found;
}

const std::vector<std::string>& first_words_of_events() {
  static const std::vector<std::string> kWords = [] {
    std::vector<std::string> words;
    for (const Pattern& pattern : event_patterns()) {
      const Element& first = pattern.elements.front();
      const bool known = std::find(words.begin(), words.end(), first.word) != words.end();
      if (first.slot == Slot::kLiteral && !known) words.push_back(first.word);
    }
    return words;
  }();
  return kWords;
}

const std::vector<WeatherPart>& weather_parts() {
  static const std::vector<WeatherPart> kParts = {{"delay", &Weather::delay_us, nullptr},
                                                  {"jitter", &Weather::jitter_us, nullptr},
                                                  {"loss", nullptr, &Weather::loss},
                                                  {"repeat", nullptr, &Weather::repeat},
                                                  {"flip", nullptr, &Weather::flip}};
  return kParts;
}

}  // namespace kith::sim
