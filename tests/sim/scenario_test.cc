// tests/sim/scenario_test.cc -- scenarios: the file form both ways, and what is refused.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "sim/scenario.h"

namespace kith::sim {
namespace {

Scenario read(const std::string& toml) {
  std::string problem;
  const auto scenario = parse_scenario(toml, problem);
  REQUIRE_MESSAGE(scenario.has_value(), problem);
  return *scenario;
}

std::string problem_of(const std::string& toml) {
  std::string problem;
  const bool understood = parse_scenario(toml, problem).has_value();
  REQUIRE_MESSAGE(!understood, toml);
  return problem;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), path.string());
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

const char* const kGolden = R"(name = "golden"
about = "Every \"key\" of the file,\nonce."
seed = "18446744073709551615"
duration = "10min"
shards = 4

[nodes]
names = ["a", "b", "c.1"]
groups."left.1" = ["a"]
groups.right = ["b", "c.1"]

[links]
delay = "2ms"
jitter = "250us"
loss = "1%"
repeat = "0.5%"
flip = "0.001%"
queue_max = 100

[[links.between]]
a = "left.1"
b = "right"
delay = "40ms"

[[links.between]]
a = "b"
b = "c.1"
loss = "0%"

[disks]
sync = "5ms"
sync_jitter = "1ms"
bytes_max = 1073741824

[workload]
writes_per_second = 12.5
reads_per_second = 3
from = "1s"
to = "9min"
at = ["right"]
sessions = 7
keys = 3
members = 5
value_bytes = 100
adds = 1
removes = 0.5
sets = 0
deletes = 2
fields = 3
untagged = "10%"
retries = "33.3%"
wait_for_all = "5%"

[clients]
timeout = "500ms"
retries_max = 9
skew = "20ms"

[engine]
gossip_interval = "500ms"
pull_timeout = "2s"
join_retry = "1s"
retry_window = "1min"
max_skew = "1s"
lease = "200ms"
answer_bytes_max = 1000
push_bytes_max = 2000
full_at = "90%"
probe_every = "2s"
dead_after = "20s"

[timeline]
events = '''
at 10s cut [left.1] from [right]
at 20s heal
at 30s alice sets door to "back at \x00" at a as #d
'''

[end]
heal = false
settle = "30s"
core = ["right"]
)";

TEST_CASE("scenario: every key of the file is read, and written back byte for byte") {
  const Scenario scenario = read(kGolden);
  CHECK(to_toml(scenario) == std::string(kGolden));
  CHECK(scenario.about == "Every \"key\" of the file,\nonce.");
  CHECK(scenario.seed == UINT64_MAX);
  CHECK(scenario.duration_us == 600'000'000);
  CHECK(scenario.nodes == std::vector<std::string>{"a", "b", "c.1"});
  CHECK(scenario.groups.at("left.1") == std::vector<std::string>{"a"});
  REQUIRE(scenario.between.size() == 2);
  CHECK(scenario.between[0].quality.delay_us == 40'000);
  CHECK(scenario.between[0].quality.loss == 0.01);  // As of all links.
  CHECK(scenario.between[1].quality.loss == 0);
  CHECK(scenario.engine.retry_window_ms == 60'000);
  CHECK(scenario.engine.full_at == 0.9);
  REQUIRE(scenario.timeline.size() == 3);
  CHECK(scenario.timeline[2].value == std::string("back at \0", 9));
  CHECK_FALSE(scenario.heal_at_end);
}

TEST_CASE("scenario: what is not said is as by default, and not written") {
  const Scenario scenario = read("[nodes]\ncount = 3\n");
  Scenario expected;
  expected.nodes = {"n1", "n2", "n3"};
  CHECK(scenario == expected);
  CHECK(to_toml(scenario) == "[nodes]\ncount = 3\n");
}

// Goal: no field is forgotten in reading, writing or comparing.
// Method: of the golden file every line that sets something is left out in turn; the result differs from the whole.
TEST_CASE("scenario: two that differ in one key are not equal") {
  const Scenario whole = read(kGolden);
  std::istringstream in(kGolden);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::size_t differ = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string rest;
    for (std::size_t k = 0; k < lines.size(); ++k) rest += k == i ? "" : lines[k] + "\n";
    std::string problem;
    const auto other = parse_scenario(rest, problem);  // Some do not parse: a section without its head.
    if (!other || lines[i].empty()) continue;
    CHECK_MESSAGE(!(*other == whole), lines[i]);
    CHECK(read(to_toml(*other)) == *other);
    ++differ;
  }
  CHECK(differ > 45);
}

TEST_CASE("scenario: a timeline may be a key at the top, with comments and in any order") {
  const Scenario scenario = read(R"(timeline = """

  # the links
  at 20s heal
  at 10s cut n1 from n2      # while somebody writes
at 10s alice reads x at n1
"""
[nodes]
count = 2
)");
  REQUIRE(scenario.timeline.size() == 3);
  CHECK(scenario.timeline[0].action == Action::kCut);
  CHECK(scenario.timeline[1].action == Action::kRead);
  CHECK(scenario.timeline[2].action == Action::kHeal);
  CHECK(read(to_toml(scenario)) == scenario);
}

TEST_CASE("scenario: words with quotes, backslashes and ''' go into the file and back") {
  Scenario scenario = read("[nodes]\ncount = 1\n");
  Event event;
  event.action = Action::kSet;
  event.session = "s";
  event.groups = {{"n1"}};
  for (const std::string& text : std::vector<std::string>{"'''", "\"\"\"", "\\", "\\x00", "'''\\\"\n",
                                                          std::string("\0\xff", 2)}) {
    event.key = event.value = text;
    scenario.timeline.push_back(event);
  }
  scenario.about = "tab\t, quote\", slash\\, bell\x07, caf\xc3\xa9";
  CHECK(read(to_toml(scenario)) == scenario);
}

TEST_CASE("scenario: groups stand for their nodes, all for all, and others for themselves") {
  const Scenario scenario = read(kGolden);
  CHECK(resolve(scenario, {"right", "a", "b"}) == std::vector<std::string>{"b", "c.1", "a"});
  CHECK(resolve(scenario, {"all"}) == scenario.nodes);
  CHECK(resolve(scenario, {"n9", "n9"}) == std::vector<std::string>{"n9"});
  CHECK(resolve(scenario, {}).empty());
}

// ---- What is refused

TEST_CASE("scenario: a bad file is refused with its line or key and what was expected") {
  const std::pair<const char*, const char*> kTable[] = {
      {"nodes = 3", "line 1: nodes must be a section: [nodes]"},
      {"name = \"x\"", "nodes: the section is missing; say [nodes] and count = 3"},
      {"nmae = \"x\"\n[nodes]\ncount = 1", "line 1: there is no key nmae; did you mean \"name\"?"},
      {"[nodes]\ncount = 1\n[links]\ndealy = \"1ms\"", "line 4: there is no key links.dealy; did you mean \"delay\"?"},
      {"[nodes]\ncount = 1\n[engine]\nlease = \"1ms\"\ngossip_interval_ms = 5",
       "line 5: there is no key engine.gossip_interval_ms; did you mean \"gossip_interval\"?"},
      {"[nodes]\ncount = 1\n[wetter]\nx = 1", "line 3: there is no key wetter"},
      {"[nodes]\ncount = 1\n[end]\ntimeline = \"x\"", "line 4: there is no key end.timeline"},
      {"[nodes]\ncount = 1\n[timeline]\nevent = \"x\"",
       "line 4: there is no key timeline.event; did you mean \"events\"?"},
      {"[nodes]\ncount = 1\nnames = [\"a\"]", "line 1: nodes.count and nodes.names: say one of them"},
      {"[nodes]\ncount = \"many\"", "line 2: nodes.count must be a whole number from 0 to 4294967295"},
      {"[nodes]\nnames = \"a\"", "line 2: nodes.names must be a list of names, as in [\"n1\", \"n2\"]"},
      {"[nodes]\nnames = [1]", "line 2: nodes.names must be a list of names, as in [\"n1\", \"n2\"]"},
      {"[nodes]\ncount = 1\ngroups = 1", "line 3: nodes.groups must name groups, as in groups.west = [\"n1\", \"n2\"]"},
      {"[nodes]\ncount = 1\ngroups.a = 1", "line 3: nodes.groups.a must be a list of names, as in [\"n1\", \"n2\"]"},
      {"duration = \"10 s\"\n[nodes]\ncount = 1",
       "line 1: duration \"10 s\" is no duration: write a number and us, ms, s, min, h or d in quotes, as in \"1.5s\""},
      {"duration = 10\n[nodes]\ncount = 1",
       "line 1: duration is no duration: write a number and us, ms, s, min, h or d in quotes, as in \"1.5s\""},
      {"duration = \"-1s\"\n[nodes]\ncount = 1", "line 1: duration must not be below zero"},
      {"seed = -1\n[nodes]\ncount = 1", "line 1: seed must be a whole number from 0 to 18446744073709551615"},
      {"about = 1\n[nodes]\ncount = 1", "line 1: about must be a string in quotes"},
      {"[nodes]\ncount = 1\n[links]\nloss = 0.01",
       "line 4: links.loss must be a share from \"0%\" to \"100%\", in quotes, as in \"2.5%\""},
      {"[nodes]\ncount = 1\n[links]\nloss = \"101%\"",
       "line 4: links.loss must be a share from \"0%\" to \"100%\", in quotes, as in \"2.5%\""},
      {"[nodes]\ncount = 1\n[engine]\nlease = \"1.5ms\"",
       "line 4: engine.lease \"1.5ms\" is finer than 1ms, the finest here"},
      {"[nodes]\ncount = 1\n[workload]\nwrites_per_second = \"many\"",
       "line 4: workload.writes_per_second must be a number without quotes, as in 2.5"},
      {"[nodes]\ncount = 1\n[end]\nheal = \"yes\"", "line 4: end.heal must be true or false"},
      {"[nodes]\ncount = 2\n[links]\nbetween = 1", "line 4: links.between must be sections: [[links.between]]"},
      {"[nodes]\ncount = 2\n[[links.between]]\na = \"n1\"",
       "line 3: links.between needs a and b, the two groups or nodes that it is between"},
      {"[nodes]\ncount = 2\n[[links.between]]\na = \"n1\"\nc = \"n2\"", "line 5: there is no key links.between.c"},
      {"timeline = 3\n[nodes]\ncount = 1",
       "line 1: timeline must be a string of several lines, \"\"\" around it, one event a line"},
      {"timeline = '''\n\n# x\nat 1s heel\n'''\n[nodes]\ncount = 1",
       "line 4: at 1s heel: there is no action 'heel'; did you mean 'heal'?"},
      {"timeline = '''at 1s heal\nat 1s heel'''\n[nodes]\ncount = 1",
       "line 2: at 1s heel: there is no action 'heel'; did you mean 'heal'?"},
      {"[nodes]\ncount = 1\n[timeline]\nevents = '''\nat 1s heel\n'''",
       "line 5: at 1s heel: there is no action 'heel'; did you mean 'heal'?"},
  };
  for (const auto& [toml, expected] : kTable) {
    CAPTURE(toml);
    CHECK(problem_of(toml) == std::string(expected));
  }
  // What the parser of TOML once aborted at.
  for (const char* toml : {"[[[", "[[=", "[[[1]]]", "name = \"x\"\n[[ ]]"}) {
    CHECK(problem_of(toml).starts_with("line "));
  }
  CHECK(problem_of("[nodes]\ncount = = 1").starts_with("line 2: "));
  CHECK(problem_of("[nodes]\ncount = 1\ncount = 2").starts_with("line 3: "));
  CHECK(problem_of(std::string("name = \"\xff\"\n[nodes]\ncount = 1")).starts_with("line 1: "));
}

TEST_CASE("scenario: one that makes no sense is refused with what is wrong") {
  const std::pair<const char*, const char*> kTable[] = {
      {"[nodes]\ncount = 0", "nodes: there are none; say count = 3, or names = [\"n1\", \"n2\"]"},
      {"[nodes]\ncount = 1025", "nodes: their number is 1025: it must be from 1 to 1024"},
      {"[nodes]\ncount = 4000000000", "nodes: their number is 1000000: it must be from 1 to 1024"},
      {"[nodes]\nnames = [\"a\", \"b\", \"a\"]", "nodes.names: there are two nodes \"a\""},
      {"[nodes]\nnames = [\"a b\"]", "nodes.names: \"a b\" is no name: 1 to 64 of A-Z a-z 0-9 . - _"},
      {"[nodes]\nnames = [\"all\"]", "nodes.names: \"all\" stands for all nodes, nothing else can be called so"},
      {"[nodes]\ncount = 2\ngroups.n1 = [\"n2\"]", "nodes.groups.n1: there is a node of that name too"},
      {"[nodes]\ncount = 2\ngroups.a = []", "nodes.groups.a: it has no nodes"},
      {"[nodes]\ncount = 2\ngroups.a = [\"n3\"]", "nodes.groups.a: there is no node \"n3\"; did you mean \"n1\"?"},
      {"duration = \"0s\"\n[nodes]\ncount = 1", "duration is 0s: it must be from 1us to a hundred years"},
      {"shards = 0\n[nodes]\ncount = 1", "shards is 0: it must be from 1 to 4096"},
      {"[nodes]\ncount = 1\n[links]\nqueue_max = 0", "links.queue_max is 0: it must be from 1 to 1073741824"},
      {"[nodes]\ncount = 2\n[[links.between]]\na = \"n1\"\nb = \"n4\"",
       "links.between: there is no node or group \"n4\"; did you mean \"n1\"?"},
      {"[nodes]\ncount = 1\n[disks]\nbytes_max = 5", "disks.bytes_max is 5: it must be from 1048576 to 70368744177664"},
      {"[nodes]\ncount = 1\n[workload]\nwrites_per_second = -1",
       "workload.writes_per_second is -1: it must be from 0 to a million"},
      {"[nodes]\ncount = 1\n[workload]\nwrites_per_second = nan",
       "workload.writes_per_second is nan: it must be from 0 to a million"},
      {"[nodes]\ncount = 1\n[workload]\nto = \"2min\"", "workload.to is 2min, after the end of the run: 1min"},
      {"[nodes]\ncount = 1\n[workload]\nfrom = \"2s\"\nto = \"1s\"", "workload.from is 2s, after its end: 1s"},
      {"[nodes]\ncount = 1\n[workload]\nat = [\"west\"]", "workload.at: there is no node or group \"west\""},
      {"[nodes]\ncount = 1\n[workload]\nsessions = 0", "workload.sessions is 0: it must be from 1 to 1000000"},
      {"[nodes]\ncount = 1\n[workload]\nwrites_per_second = 1\nadds = 0\nremoves = 0\n"
       "sets = 0\ndeletes = 0\nfields = 0\nincrements = 0",
       "workload: adds, removes, sets, deletes, fields and increments are all 0, so there is nothing to write"},
      {"[nodes]\ncount = 1\n[workload]\nwrites_per_second = 100000",
       "workload: 6000000 writes are too many for one run (a million events, 1 GiB of values); write less "
       "often, or narrow it with from and to"},
      {"[nodes]\ncount = 1\n[clients]\ntimeout = \"0s\"",
       "clients.timeout is 0s: it must be from 1us to a hundred years"},
      {"[nodes]\ncount = 1\n[engine]\nlease = \"0s\"", "engine.lease is 0s: it must be from 1ms to a hundred years"},
      {"[nodes]\ncount = 1\n[engine]\nfull_at = \"0%\"", "engine.full_at must be above 0% and up to 100%"},
      {"[nodes]\ncount = 1\n[engine]\npush_bytes_max = 0", "engine.push_bytes_max is 0: it must be from 1 to 2097152"},
      {"[nodes]\ncount = 1\n[end]\ncore = [\"n2\"]",
       "end.core: there is no node or group \"n2\"; did you mean \"n1\"?"},
  };
  for (const auto& [toml, expected] : kTable) {
    CAPTURE(toml);
    CHECK(problem_of(toml) == std::string(expected));
  }
}

TEST_CASE("scenario: events that make no sense are refused with what is wrong") {
  const std::pair<const char*, const char*> kTable[] = {
      {"at 61s heal", "at 61s heal: after the end of the run, which takes 1min"},
      {"at 1s crash [n4]", "at 1s crash [n4]: there is no node or group \"n4\" by then; did you mean \"n1\"?"},
      {"at 1s crash [west nort]", "at 1s crash [west nort]: there is no node or group \"nort\" by then"},
      {"at 1s crash [n4]\nat 2s join n4 through [n1]",
       "at 1s crash [n4]: there is no node or group \"n4\" by then; did you mean \"n1\"?"},
      {"at 1s join n2 through [n1]", "at 1s join n2 through [n1]: there is a node \"n2\" already"},
      {"at 1s clone n1 as west", "at 1s clone n1 as west: there is a group \"west\" already"},
      {"at 1s clone n1 as all",
       "at 1s clone n1 as all: the new node: \"all\" stands for all nodes, nothing else can be called so"},
      {"at 1s clone west as n9", "at 1s clone west as n9: it needs exactly one node"},
      {"at 1s swap disks of [n1]", "at 1s swap disks of [n1]: it needs exactly two nodes"},
      {"at 1s split [west] [n1]", "at 1s split [west] [n1]: \"n1\" is on two sides"},
      {"at 1s drift clock of [n1] by -1000000 ppm",
       "at 1s drift clock of [n1] by -1000000 ppm: a clock drifts by more than -1000000 ppm, at which it stands still, and "
       "up to 1000000"},
      {"at 1s expect convergence within 0s", "at 1s expect convergence within 0s: the duration must be above zero"},
      {"at 1s nobody vanishes", "at 1s nobody vanishes: nobody cannot vanish"},
      {"at 1s s sets \"\" to x at n1", "at 1s s sets \"\" to x at n1: the key is empty"},
      {"at 1s s adds \"\" to x at n1", "at 1s s adds \"\" to x at n1: a member or field is empty"},
      {"at 1s s sets a to b at west", "at 1s s sets a to b at west: it needs exactly one node"},
      {"at 1s s sets a to b at n1 as #x\nat 2s s sets a to b at n1 as #x",
       "at 2s s sets a to b at n1 as #x: there is a write #x already"},
      {"at 1s retry #x at n1", "at 1s retry #x at n1: there is no write #x before it"},
      {"at 1s nobody sets a to b at n1 as #x\nat 2s retry #x at n1",
       "at 2s retry #x at n1: #x has no tag: what nobody wrote cannot be retried"},
      {"at 1s expect #x is ok", "at 1s expect #x is ok: there is no write #x before it"},
      {"at 1s s sets a to b at n1 as #x\nat 2s expect #x is refused clock_fense",
       "at 2s expect #x is refused clock_fense: nothing is refused for \"clock_fense\"; did you mean \"clock_fenced\"? "
       "(one of limit, bad_name, retry_window_passed, tag_from_future, clock_fenced, not_joined, full, stopping, leaving, observer, superseded, rebasing, evicted, cannot_evict, cannot_drain, overflow, damaged, bad_key, bad_kind, table_exists, no_table or no_value)"},
  };
  for (const auto& [events, expected] : kTable) {
    CAPTURE(events);
    const std::string nodes = "[nodes]\ncount = 3\ngroups.west = [\"n1\", \"n2\"]\n[timeline]\nevents = '''\n";
    CHECK(problem_of(nodes + events + "\n'''") == std::string(expected));
  }
  Scenario unordered = read("[nodes]\ncount = 1\n[timeline]\nevents = '''\nat 1s heal\nat 2s unclog\n'''");
  std::swap(unordered.timeline[0], unordered.timeline[1]);
  CHECK(check(unordered) == "at 1s heal: it comes after an event of 2s");
}

TEST_CASE("scenario: a file that is cut anywhere or damaged is refused or another scenario, never worse") {
  const std::string whole = kGolden;
  std::mt19937_64 random(1);
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    for (int damage = 0; damage < 3; ++damage) {
      std::string cut = whole.substr(0, length);
      if (damage > 0 && !cut.empty()) cut[random() % cut.size()] = static_cast<char>(random());
      std::string problem;
      const auto scenario = parse_scenario(cut, problem);
      REQUIRE(scenario.has_value() == problem.empty());
      if (scenario) REQUIRE(parse_scenario(to_toml(*scenario), problem) == scenario);
    }
  }
}

// ---- The files that ship, and the histories of the design

std::vector<std::filesystem::path> files_in(const std::string& folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& file : std::filesystem::directory_iterator(KITH_SOURCE_DIR "/" + folder)) {
    if (file.path().extension() == ".toml") out.push_back(file.path());
  }
  return out;
}

void check_files(const std::string& folder, std::size_t least) {
  const auto files = files_in(folder);
  CHECK(files.size() >= least);
  for (const auto& file : files) {
    CAPTURE(file.string());
    const Scenario scenario = read(text_of(file));
    CHECK(scenario.name == file.stem().string());
    CHECK(scenario.about.size() > 40);
    CHECK(read(to_toml(scenario)) == scenario);
    // The hour takes minutes, and runs by itself (tests/sim/world_test.cc has a short one).
    CHECK(expand_workload(scenario, scenario.seed).size() <= (scenario.name == "churn_hour" ? 2'000'000 : 50'000));
  }
}

TEST_CASE("scenario: those that ship are sound and go both ways") { check_files("sim/scenarios", 15); }

// Goal: what people copy from the manual works, and so does the mistake that it shows.
TEST_CASE("scenario: the example of docs/SIMULATION.md is sound, and its error is the real one") {
  const std::string page = text_of(KITH_SOURCE_DIR "/docs/SIMULATION.md");
  const std::size_t begin = page.find("```toml\n") + 8, end = page.find("```", begin);
  REQUIRE(end != std::string::npos);
  std::string toml = page.substr(begin, end - begin);
  CHECK(read(toml).timeline.size() == 8);
  const std::string right = "cut left from right";
  toml.replace(toml.find(right), right.size(), "cut [left] form [right]");
  CHECK_MESSAGE(page.find("    " + problem_of(toml) + "\n") != std::string::npos, problem_of(toml));
}

TEST_CASE("scenario: the histories of the design are sound, go both ways, and each claims something") {
  check_files("tests/sim/histories", 12);
  for (const auto& file : files_in("tests/sim/histories")) {
    CAPTURE(file.string());
    std::size_t claims = 0;
    for (const Event& event : read(text_of(file)).timeline) claims += is_claim(event.action);
    CHECK(claims >= 2);
  }
}

}  // namespace
}  // namespace kith::sim
