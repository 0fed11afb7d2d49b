// tests/sim/event_test.cc -- words of events, both ways.
#include <doctest/doctest.h>

#include <random>
#include <set>

#include "gossip/operation.h"
#include "sim/event.h"
#include "sim/event_grammar.h"
#include "sim/spelling.h"

namespace kith::sim {
namespace {

Event read(const std::string& words) {
  std::string problem;
  const auto event = parse_event(words, problem);
  REQUIRE_MESSAGE(event.has_value(), problem);
  return *event;
}

std::string problem_of(const std::string& words) {
  std::string problem;
  const bool understood = parse_event(words, problem).has_value();
  REQUIRE_MESSAGE(!understood, words);
  return problem;
}

// One of each action, as it is written back.
const char* const kAllActions[] = {
    "at 10s cut [n1] from [n2 n3]",
    "at 10s cut [west] to [n2]",
    "at 10s split [n1 n2] [n3] [n4]",
    "at 10s split [n1] [n2] bridged by [n3 n4]",
    "at 10s swizzle [n1 n2] over 2s",
    "at 10s heal",
    "at 10s heal [n1] and [n2]",
    "at 10s clog [n1] to [n2]",
    "at 10s unclog",
    "at 10s weather delay 50ms jitter 500us loss 2.5% repeat 0.1% flip 100%",
    "at 10s crash [n1]",
    "at 10s stop [n1]",
    "at 10s start [n1]",
    "at 10s restart [n1]",
    "at 10s pause [n1]",
    "at 10s resume [n1]",
    "at 10s join n7 through [n1 n2]",
    "at 10s leave [n1]",
    "at 10s drain [n1 n2]",
    "at 10s drain [n1] for now",
    "at 10s stay [n1]",
    "at 10s expect left [n1] at [n2 n3]",
    "at 10s lose disk of [n1]",
    "at 10s back up [n1]",
    "at 10s restore [n1]",
    "at 10s swap disks of [n1 n2]",
    "at 10s clone n1 as n8",
    "at 10s fill disk of [n1]",
    "at 10s free disk of [n1]",
    "at 10s fail sync of [n1]",
    "at 10s syncs of [n1] take 40ms",
    "at 10s flip a bit on [n1]",
    "at 10s evict [n1 n2] at n3",
    "at 10s recover n3 without [n1 n2]",
    "at 10s expect evicted [n1 n2] at [n3]",
    "at 10s expect nobody evicted at [n3]",
    "at 10s expect dead [n1 n2] at [n3]",
    "at 10s expect nobody dead at [n3]",
    "at 10s step clock of [n1] by +1h",
    "at 10s step clock of [n1] by -250ms",
    "at 10s drift clock of [n1] by +200 ppm",
    "at 10s drift clock of [n1] by -200 ppm",
    "at 10s freeze clock of [n1]",
    "at 10s right clock of [n1]",
    "at 10s alice adds tea milk to likes at n1",
    "at 10s alice adds tea to likes at n1 with all as #first",
    "at 10s nobody removes tea from likes at n1 with 2",
    "at 10s alice sets door to \"back at noon\" at n1 as #d",
    "at 10s alice deletes door at n1",
    "at 10s alice sets state of order:7 to open at n1",
    "at 10s alice deletes state of order:7 at n1 with all",
    "at 10s alice sets door to open for 5s at n1 as #d",
    "at 10s alice sets state of order:7 to open for 250ms at n1",
    "at 10s alice expires door in 5s at n1 with all",
    "at 10s alice expires state of order:7 in 1min at n1 as #e",
    "at 10s nobody persists door at n1",
    "at 10s alice persists state of order:7 at n1 with 2",
    "at 10s alice increments visits by 5 at n1 as #i",
    "at 10s nobody increments visits by -5 at n1 with all",
    "at 10s retry #first at n2",
    "at 10s alice reads likes at n3",
    "at 10s alice vanishes",
    "at 10s expect door = open at [n1 n2]",
    "at 10s expect door is missing at [n1]",
    "at 10s expect likes has { tea milk } at [n1]",
    "at 10s expect likes has { } at [n1]",
    "at 10s expect state of order:7 = open at [all]",
    "at 10s expect visits counts -5 at [n1 n2]",
    "at 10s expect likes keeps 2 records at [n1 n2]",
    "at 10s expect #first is ok",
    "at 10s expect #first is stored",
    "at 10s expect #first is unanswered",
    "at 10s expect #first is refused",
    "at 10s expect #first is refused retry_window_passed",
    "at 10s expect convergence within 30s",
};

TEST_CASE("event: every action is written as it was read") {
  std::set<Action> seen;
  for (const char* words : kAllActions) {
    CAPTURE(words);
    const Event event = read(words);
    CHECK(to_words(event) == words);
    CHECK(read(to_words(event)) == event);
    seen.insert(event.action);
  }
  CHECK(seen.size() == static_cast<std::size_t>(Action::kExpectConvergence) + 1);
}

TEST_CASE("event: what is read is what was said") {
  const Event split = read("at 1.5s split [n1 n2] [n3] bridged by [n4]");
  CHECK(split.at_us == 1'500'000);
  CHECK(split.bridged);
  CHECK(split.groups == std::vector<std::vector<std::string>>{{"n1", "n2"}, {"n3"}, {"n4"}});

  const Event add = read("at 7d alice adds tea \"a b\" to likes at n1 with all as #first");
  CHECK(add.at_us == 7 * 86'400'000'000);
  CHECK(add.action == Action::kAdd);
  CHECK(add.session == "alice");
  CHECK(add.members == std::vector<std::string>{"tea", "a b"});
  CHECK(add.key == "likes");
  CHECK(add.groups == std::vector<std::vector<std::string>>{{"n1"}});
  CHECK(add.replicas == kAllReplicas);
  CHECK(add.label == "first");

  const Event weather = read("at 0s weather loss 12.5% delay 5ms");
  CHECK(weather.weather == Weather{.delay_us = 5000, .jitter_us = {}, .loss = 0.125, .repeat = {}, .flip = {}});
  CHECK(read("at 0s nobody sets a to b at n1").session.empty());
  CHECK(read("at 0s drift clock of [n1] by -20 ppm").amount == -20);
}

TEST_CASE("event: one name needs no brackets, words of the grammar may be names, comments and blanks are skipped") {
  CHECK(read("at 10s cut n1 from west") == read("at 10s cut [n1] from [west]"));
  CHECK(read("at 10s split n1 n2 bridged by n3") == read("at 10s split [n1] [n2] bridged by [n3]"));
  CHECK(read("  at\t10s   heal  # what was cut") == read("at 10s heal"));
  CHECK(read("at 10s retry #first at n2 ## twice") == read("at 10s retry #first at n2"));
  CHECK(read("at 10s alice sets to to to at at").value == "to");
  CHECK(read("at 10s heal adds a at to from at n1").members == std::vector<std::string>{"a", "at"});
  CHECK(read("at 10s expect likes has {tea} at [n1]") == read("at 10s expect likes has { tea } at n1"));
  CHECK(read("at 10s alice sets stra\xc3\x9f""e to x at n1").key == "stra\xc3\x9f""e");
}

TEST_CASE("event: any bytes go through quotes") {
  Event event = read("at 1s alice sets door to x at n1");
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  event.value = bytes;
  event.session = "start";
  event.key = "";
  event.label = "a \"b\" \\";
  CHECK(read(to_words(event)) == event);
  event.value = "a\n\"\\";
  CHECK(to_words(event) == R"(at 1s "start" sets "" to "a\x0a\"\\" at n1 as #"a \"b\" \\")");
}

// ---- Durations and shares

TEST_CASE("duration: the shortest exact form, both ways") {
  const std::pair<std::int64_t, const char*> kTable[] = {
      {0, "0s"}, {1, "1us"}, {250'000, "250ms"}, {1'500'000, "1.5s"}, {60'000'000, "1min"}, {90'000'000, "90s"},
      {600'000'000, "10min"}, {3'600'000'000, "1h"}, {7 * 86'400'000'000, "7d"}, {-250, "-250us"},
      {1'000'001, "1000001us"}, {1'234'567'000, "1234567ms"}};
  for (const auto& [us, words] : kTable) {
    CHECK(to_words_duration(us) == words);
    CHECK(parse_duration(words) == us);
  }
  CHECK(to_words_duration(3'600'000'000, true) == "+1h");
  CHECK(to_words_duration(-3'600'000'000, true) == "-1h");
  CHECK(parse_duration("+1h") == 3'600'000'000);
  CHECK(parse_duration("10m") == 600'000'000);
  CHECK(parse_duration("0.000001s") == 1);
}

TEST_CASE("duration: what is none (no unit, a wrong one, too fine, too large, signs alone)") {
  for (const char* words : {"", "5", "s", "5 s", "5sec", "5S", ".5s", "5.s", "1.2.3s", "0.5us", "1.0000001s", "--5s",
                            "+", "-", "5s ",
                            "0x5s", "1e3s", "9223372036854775808us", "106751992d", "99999999999999999999s"}) {
    CHECK_MESSAGE(!parse_duration(words), words);
  }
  CHECK(parse_duration("9223372036854775807us") == INT64_MAX);
  CHECK(parse_duration("-9223372036854775808us") == INT64_MIN);
  CHECK(!parse_duration("-9223372036854775809us"));
}

TEST_CASE("duration: any goes both ways (200,000 drawn)") {
  std::mt19937_64 random(1);
  constexpr std::int64_t kRound[] = {1, 10, 1000, 1'000'000, 60'000'000, 432'000'000, 3'600'000'000, 86'400'000'000};
  for (int i = 0; i < 200'000; ++i) {
    auto us = static_cast<std::int64_t>(random() >> (random() % 64));
    us -= us % kRound[random() % 8];
    if (random() % 4 == 0) us = -us;
    REQUIRE(parse_duration(to_words_duration(us)) == us);
    REQUIRE(parse_duration(to_words_duration(us, true)) == us);
  }
  for (const std::int64_t us : {INT64_MAX, INT64_MIN, INT64_MIN + 1}) {
    CHECK(parse_duration(to_words_duration(us)) == us);
  }
}

TEST_CASE("share: percent in words, the same bits both ways") {
  CHECK(to_words_share(0.125) == "12.5%");
  CHECK(to_words_share(0) == "0%");
  CHECK(to_words_share(1) == "100%");
  CHECK(to_words_share(0.001) == "0.1%");
  CHECK(to_words_share(0.00001) == "0.001%");
  CHECK(parse_share("5%") == 0.05);
  CHECK(parse_share("007.50%") == 0.075);
  for (const char* words : {"", "%", "5", "-1%", "100.1%", "1e1%", "5.%", ".5%", "5%%", "nan%", "1 %"}) {
    CHECK_MESSAGE(!parse_share(words), words);
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    double share = static_cast<double>(random() >> 11) * 0x1p-53;
    for (auto k = random() % 40; k > 0; --k) share /= 10;
    REQUIRE(parse_share(to_words_share(share)) == share);
  }
}

// ---- Round trip of what is drawn

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}

  Event event() {
    const auto& patterns = event_patterns();
    const Pattern& pattern = patterns[below(patterns.size())];
    Event event;
    event.at_us = static_cast<std::int64_t>(below(1'000'000'000'000) >> below(40));
    event.action = pattern.action;
    event.bridged = pattern.bridged;
    for (const Element& element : pattern.elements) fill(element, event);
    return event;
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  std::string text(bool or_empty) {
    static const std::vector<std::string> kTricky = {"to", "from", "at", "of", "heal", "start", "all", "with", "as",
                                                     "#", "is", "{", "}", "bridged", "by", "12.5%", "-1h", "refused",
                                                     "ok", "'''", "\"", "\\", "\\x00"};
    if (below(4) == 0) return kTricky[below(kTricky.size())];
    std::string out;
    const bool plain = below(2) == 0;
    for (auto length = below(6) + (or_empty ? 0 : 1); length > 0; --length) {
      out += plain ? static_cast<char>('a' + below(26)) : static_cast<char>(below(256));
    }
    return out;
  }
  std::vector<std::string> texts(std::uint64_t least) {
    std::vector<std::string> out;
    for (auto count = least + below(3); count > 0; --count) out.push_back(text(true));
    return out;
  }

  void fill(const Element& element, Event& event) {
    switch (element.slot) {
      case Slot::kLiteral: break;
      case Slot::kNodes: event.groups.push_back(texts(1)); break;
      case Slot::kNodesMore:
        for (auto count = 2 + below(3); count > 0; --count) event.groups.push_back(texts(1));
        break;
      case Slot::kNode: event.groups.push_back({text(true)}); break;
      case Slot::kName: event.name = text(true); break;
      case Slot::kSpan: event.amount = static_cast<std::int64_t>(below(1'000'000'000)); break;
      case Slot::kLasts: event.lasts_us = 1 + static_cast<std::int64_t>(below(1'000'000'000)); break;
      case Slot::kFor:
        if (below(2) == 0) event.lasts_us = 1 + static_cast<std::int64_t>(below(1'000'000'000));
        break;
      case Slot::kSignedSpan:
      case Slot::kPpm: event.amount = static_cast<std::int64_t>(random_()) >> below(64); break;
      case Slot::kAmount:
        event.amount = static_cast<std::int64_t>(random_()) >> below(64);
        if (event.amount == 0) event.amount = -1;
        break;
      case Slot::kWeather:
        if (below(2) == 0) event.weather.delay_us = static_cast<std::int64_t>(below(1'000'000));
        if (below(2) == 0) event.weather.jitter_us = static_cast<std::int64_t>(below(1'000'000));
        if (below(2) == 0) event.weather.loss = static_cast<double>(below(1001)) / 1000;
        if (below(2) == 0) event.weather.repeat = static_cast<double>(random_() >> 11) * 0x1p-53;
        if (below(2) == 0) event.weather.flip = 1.0 / static_cast<double>(1 + below(1000));
        break;
      case Slot::kSession:
        event.session = text(true);
        if (event.session == "nobody") event.session.clear();
        break;
      case Slot::kMembers: event.members = texts(1); break;
      case Slot::kMembersOrNone: event.members = texts(0); break;
      case Slot::kKey: event.key = text(true); break;
      case Slot::kField: event.members = {text(true)}; break;
      case Slot::kValue: event.value = text(true); break;
      case Slot::kLabel: event.label = text(false); break;
      case Slot::kOutcome: {
        constexpr const char* kOutcomes[] = {"ok", "stored", "refused", "unanswered"};
        event.outcome = kOutcomes[below(4)];
        if (event.outcome == "refused" && below(2) == 0) event.value = text(false);
        break;
      }
      case Slot::kWith:
        event.replicas = below(3) == 0 ? kAllReplicas : static_cast<std::uint32_t>(1 + below(1000));
        break;
      case Slot::kAs:
        if (below(2) == 0) event.label = text(false);
        break;
    }
  }

  std::mt19937_64 random_;
};

TEST_CASE("event: words to event and back (20,000 drawn)") {
  Draw draw(1);
  for (int i = 0; i < 20'000; ++i) {
    const Event event = draw.event();
    const std::string words = to_words(event);
    CAPTURE(words);
    std::string problem;
    const auto again = parse_event(words, problem);
    REQUIRE_MESSAGE(again.has_value(), problem);
    REQUIRE(*again == event);
    REQUIRE(to_words(*again) == words);
  }
}

// ---- Errors

TEST_CASE("event: an error says what was expected where") {
  const std::pair<const char*, const char*> kTable[] = {
      {"at 10s cut [n1] form [n2]", "expected 'from' or 'to' after [n1], found 'form'"},
      {"", "expected 'at', found the end"},
      {"10s heal", "expected 'at', found '10s'"},
      {"at", "expected a duration such as 250ms or 1.5s after at, found the end"},
      {"at 10 heal", "expected a duration such as 250ms or 1.5s after at, found '10'"},
      {"at -10s heal", "expected a duration such as 250ms or 1.5s after at, found '-10s'"},
      {"at 10s", "expected an action such as 'cut', 'crash' or 'alice adds' after 10s, found the end"},
      {"at 10s [n1] crash", "expected an action such as 'cut', 'crash' or 'alice adds' after 10s, found '['"},
      {"at 10s crahs [n1]", "there is no action 'crahs'; did you mean 'crash'?"},
      {"at 10s alice ads tea to likes at n1",
       "expected 'adds', 'removes', 'sets', 'deletes', 'expires', 'persists', 'increments', 'reads' or 'vanishes' after alice, found 'ads'"},
      {"at 10s alice sets door to open for 0s at n1", "expected a duration above zero such as 250ms or 1.5s after for, found '0s'"},
      {"at 10s alice expires door in soon at n1", "expected a duration such as 250ms or 1.5s after in, found 'soon'"},
      {"at 10s alice increments visits by one at n1", "expected a whole number such as 5 or -5 after by, found 'one'"},
      {"at 10s alice increments visits by 0 at n1", "expected a whole number such as 5 or -5 after by, found '0'"},
      {"at 10s cut [] from [n2]", "expected the name of a node or group after [, found ']'"},
      {"at 10s cut [n1 from [n2]", "expected another name or ']' after [n1 from, found '['"},
      {"at 10s cut from [n2]", "expected nodes such as [n1 n2] after cut, found 'from'"},
      {"at 10s split [n1]", "expected nodes such as [n1 n2] after [n1], found the end"},
      {"at 10s split [n1] [n2] bridged [n3]", "expected 'by' after bridged, found '['"},
      {"at 10s swizzle [n1] over fast", "expected a duration such as 250ms or 1.5s after over, found 'fast'"},
      {"at 10s heal [n1] or [n2]", "expected 'and' after [n1], found 'or'"},
      {"at 10s heal now", "expected 'and' after now, found the end"},
      {"at 10s weather dealy 5ms",
       "expected 'delay', 'jitter', 'loss', 'repeat', 'flip' or the end after weather, found 'dealy'"},
      {"at 10s weather loss 5", "expected a share from 0% to 100%, such as 2.5% after loss, found '5'"},
      {"at 10s weather loss 101%", "expected a share from 0% to 100%, such as 2.5% after loss, found '101%'"},
      {"at 10s weather delay 1%", "expected a duration such as 250ms or 1.5s after delay, found '1%'"},
      {"at 10s crash [n1] hard", "expected the end after [n1], found 'hard'"},
      {"at 10s lose disc of [n1]", "expected 'disk' after lose, found 'disc'"},
      {"at 10s join n7", "expected 'through' after n7, found the end"},
      {"at 10s join [n7] through [n1]", "expected the name of the new node after join, found '['"},
      {"at 10s clone [n1] as n2", "expected a node after clone, found '['"},
      {"at 10s step clock of [n1] by 1", "expected a duration such as +1h or -250ms after by, found '1'"},
      {"at 10s drift clock of [n1] by fast ppm", "expected a whole number such as +200 or -50 after by, found 'fast'"},
      {"at 10s alice adds to likes at n1", "expected a member after adds, found 'to'"},
      {"at 10s alice adds tea", "expected another member or 'to' after tea, found the end"},
      {"at 10s alice sets door at n1", "expected 'to' or 'of' after door, found 'at'"},
      {"at 10s alice sets door to open at", "expected a node after at, found the end"},
      {"at 10s alice sets door to open at n1 with some",
       "expected how many replicas, or 'all' after with, found 'some'"},
      {"at 10s alice sets door to open at n1 with 0", "expected how many replicas, or 'all' after with, found '0'"},
      {"at 10s alice sets door to open at n1 as first", "expected a label such as #first after as, found 'first'"},
      {"at 10s retry first at n1", "expected a label such as #first after retry, found 'first'"},
      {"at 10s expect door == open at n1", "expected a value after =, found '='"},
      {"at 10s expect door be open", "expected '=', 'is', 'has', 'of', 'counts' or 'keeps' after door, found 'be'"},
      {"at 10s expect likes has { tea at n1", "expected another member or '}' after tea at n1, found the end"},
      {"at 10s expect #a is fine", "expected 'ok', 'stored', 'refused' or 'unanswered' after is, found 'fine'"},
      {"at 10s expect #a is refused limit limit", "expected the end after refused limit, found 'limit'"},
      {"at 10s alice sets door to \"open at n1", "the quotes of \"open at n1 do not end"},
      {"at 10s alice sets door to \"o\\pen\" at n1", "in quotes a \\ is followed by \", \\ or xNN, not so in \"o\\pen"},
      {"at 10s cut [n1, n2] from [n3]",
       "',' stands where nothing begins with it; words with such signs go in quotes, as in \"a,b\""},
  };
  for (const auto& [words, expected] : kTable) {
    CAPTURE(words);
    const std::string shown = *words == '\0' ? "an empty line" : words;
    CHECK(problem_of(words) == shown + ": " + expected);
  }
}

TEST_CASE("event: words that are cut anywhere or damaged are an error or other words, never worse") {
  std::mt19937_64 random(1);
  for (const char* whole : kAllActions) {
    const std::string words = whole;
    for (std::size_t length = 0; length <= words.size(); ++length) {
      for (int damage = 0; damage < 20; ++damage) {
        std::string cut = words.substr(0, length);
        if (damage > 0 && !cut.empty()) cut[random() % cut.size()] = static_cast<char>(random());
        std::string problem;
        const auto event = parse_event(cut, problem);
        REQUIRE(event.has_value() == problem.empty());
        if (event) REQUIRE(parse_event(to_words(*event), problem) == event);
        REQUIRE(printable(problem) == problem);
      }
    }
  }
}

}  // namespace
}  // namespace kith::sim
