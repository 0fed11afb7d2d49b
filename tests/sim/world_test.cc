// tests/sim/world_test.cc -- the simulator itself: one history per seed, the shipped scenarios hold, old failures stay away.
#include "sim/world.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "sim/marks.h"
#include "sim/swarm.h"

namespace kith::sim {
namespace {

Scenario read(const std::filesystem::path& file) {
  std::ifstream in(file);
  REQUIRE(in.good());
  std::stringstream text;
  text << in.rdbuf();
  std::string problem;
  const auto scenario = parse_scenario(text.str(), problem);
  REQUIRE_MESSAGE(scenario.has_value(), file.string() << ": " << problem);
  return *scenario;
}

std::vector<std::filesystem::path> files_in(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(KITH_SOURCE_DIR) + "/" + folder)) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  REQUIRE_FALSE(files.empty());
  return files;
}

void all_hold(const std::string& folder, std::size_t nodes_max, std::optional<bool> collect = {}) {
  constexpr double kWritesMax = 50'000;
  for (const auto& file : files_in(folder)) {
    CAPTURE(file.filename().string());
    Scenario scenario = read(file);
    const double seconds = static_cast<double>(scenario.duration_us) / 1e6;
    if (scenario.nodes.size() > nodes_max || scenario.workload.writes_per_second * seconds > kWritesMax) continue;
    scenario.engine.collect = collect.value_or(scenario.engine.collect);
    const auto counts_records = [](const Event& event) { return event.action == Action::kExpectRecords; };
    if (!scenario.engine.collect && std::any_of(scenario.timeline.begin(), scenario.timeline.end(), counts_records)) continue;
    RunOptions options;
    options.check_messages = true;
    const RunResult result = run(scenario, scenario.seed, options);
    CHECK_MESSAGE(!result.failure.has_value(), result.failure->law << ": " << result.failure->text);
  }
}

TEST_CASE("world: the histories of the design hold") { all_hold("tests/sim/histories", 100, true); }
TEST_CASE("world: the histories of the design hold where nothing is collected, too") { all_hold("tests/sim/histories", 100, false); }
TEST_CASE("world: what failed once does not fail again") { all_hold("tests/sim/regressions", 100); }
TEST_CASE("world: every shipped scenario of up to 100 nodes holds") { all_hold("sim/scenarios", 100); }

// Goal: what is kept of removals is bounded by the retry window, however long elements are added and removed, and in
// the end nothing of it is left.
// Method: sim/scenarios/churn_hour.toml in small: six windows of it.  The same without collection keeps it all.
TEST_CASE("world: removal records stay those of one retry window and some rounds (6 windows of churn)") {
  Scenario scenario = read(std::string(KITH_SOURCE_DIR) + "/sim/scenarios/churn_hour.toml");
  scenario.engine.retry_window_ms = 10'000;
  scenario.workload.writes_per_second = 50;
  scenario.workload.removed_after_us = 2'000'000;
  // When nodes are up: a first attempt that is lost would come again together with its removal.
  scenario.workload.from_us = 5'000'000;
  scenario.workload.to_us = 60'000'000;
  scenario.duration_us = 90'000'000;
  Recording recording;
  RunOptions options;
  options.recording = &recording;
  const RunResult result = run(scenario, scenario.seed, options);
  REQUIRE_FALSE(result.failure.has_value());
  REQUIRE(recording.garbage.size() > 100);
  CHECK(recording.garbage_kept_us == 11'000'000);
  CHECK(recording.garbage.back().made > 2500);
  // A node tells one other each round what it holds, so that two others know in a handful of them.
  constexpr std::int64_t kRoundsUs = 6'250'000;
  std::uint64_t most = 0, lately = 0;
  for (std::size_t i = 0, since = 0; i < recording.garbage.size(); ++i) {
    const Recording::Garbage& now = recording.garbage[i];
    CAPTURE(now.at_us);
    while (recording.garbage[since + 1].at_us < now.at_us - recording.garbage_kept_us - kRoundsUs) ++since;
    for (const std::uint64_t records : now.records) {
      CHECK(records <= now.made - recording.garbage[since].made);
      most = std::max(most, records);
    }
    lately = std::max(lately, now.made_lately);
    for (std::size_t node = 0; node < now.rows.size(); ++node) CHECK(now.rows[node] >= now.records[node]);
  }
  CHECK(most >= lately / 2);
  CHECK(most < recording.garbage.back().made / 2);
  for (const std::uint64_t rows : recording.garbage.back().rows) CHECK(rows == 0);

  scenario.engine.collect = false;
  Recording kept;
  options.recording = &kept;
  CHECK_FALSE(run(scenario, scenario.seed, options).failure.has_value());
  CHECK(kept.garbage.empty());
  CHECK(kept.samples.back().store_bytes[0] > 4 * recording.samples.back().store_bytes[0]);
}

TEST_CASE("world: one seed is one history, twice in a process") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const Scenario scenario = draw_scenario(seed);
    const RunResult first = run(scenario, seed), second = run(scenario, seed);
    CHECK(first.trace_hash == second.trace_hash);
    CHECK(first.steps == second.steps);
    CHECK(run(scenario, seed + 1).trace_hash != first.trace_hash);
  }
}

TEST_CASE("world: looking on changes nothing (recording, tracing, checking messages)") {
  for (std::uint64_t seed = 30; seed <= 36; ++seed) {
    CAPTURE(seed);
    const Scenario scenario = draw_scenario(seed);
    const RunResult plain = run(scenario, seed);
    Recording recording;
    std::uint64_t lines = 0;
    RunOptions options;
    options.recording = &recording;
    options.check_messages = true;
    options.trace = [&](std::string_view) { ++lines; };
    CHECK(run(scenario, seed, options).trace_hash == plain.trace_hash);
    CHECK(lines > 100);
    CHECK(recording.trace_hash == plain.trace_hash);
  }
}

// Goal: what a drawn history is made of can be written down: as TOML, and with its workload as events.
TEST_CASE("world: a drawn scenario written as TOML, or event by event, is the same history") {
  for (std::uint64_t seed = 100; seed < 110; ++seed) {
    CAPTURE(seed);
    const Scenario scenario = draw_scenario(seed);
    REQUIRE_FALSE(check(scenario).has_value());
    const RunResult drawn = run(scenario, seed);
    std::string problem;
    const auto read_back = parse_scenario(to_toml(scenario), problem);
    REQUIRE_MESSAGE(read_back.has_value(), problem);
    CHECK(run(*read_back, seed).trace_hash == drawn.trace_hash);
    CHECK(run(with_workload_expanded(scenario, seed), seed).trace_hash == drawn.trace_hash);
  }
}

TEST_CASE("world: drawn histories hold all laws (200 seeds), and all can be drawn (2,000)") {
  std::map<std::string, std::uint64_t> marks;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    const RunResult result = run(draw_scenario(seed), seed);
    REQUIRE_MESSAGE(!result.failure.has_value(), result.failure->law << ": " << result.failure->text);
    for (const auto& [mark, count] : result.marks) marks[mark] += count > 0 ? 1 : 0;
  }
  CHECK(missing_marks(marks).size() < required_marks().size() / 4);
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    CAPTURE(seed);
    const auto problem = check(draw_scenario(seed));
    CHECK_MESSAGE(!problem.has_value(), *problem);
    CHECK_FALSE(check(draw_typical_scenario(seed)).has_value());
  }
}

// Goal: claims are checked.  Method: each of these is false.
TEST_CASE("world: a claim that does not hold breaks law X, and says what is there instead") {
  Scenario scenario;
  scenario.name = "claims";
  scenario.duration_us = 5'000'000;
  scenario.nodes = {"n1", "n2"};
  const auto fails_with = [&](const std::string& words, const std::string& part) {
    CAPTURE(words);
    Scenario it = scenario;
    std::string problem;
    for (const std::string& line : {std::string("at 1s alice adds tea to drinks at n1 as #a"), std::string("at 1s alice sets door to open at n2"),
                                   std::string("at 1s alice sets size of shoe to 42 at n2"), std::string("at 3s " + words)}) {
      const auto event = parse_event(line, problem);
      REQUIRE_MESSAGE(event.has_value(), problem);
      it.timeline.push_back(*event);
    }
    const RunResult result = run(it, 1);
    REQUIRE(result.failure.has_value());
    CHECK(result.failure->law == 'X');
    CHECK_MESSAGE(result.failure->text.find(part) != std::string::npos, result.failure->text);
  };
  fails_with("expect door = shut at [n1 n2]", "on n1 it is open");
  fails_with("expect drinks is missing at [n1]", "there, as a set");
  fails_with("expect drinks has { tea milk } at [n2]", "{ tea }");
  fails_with("expect size of shoe = 43 at [n1]", "it is 42");
  fails_with("expect drinks keeps 1 records at [n1 n2]", "on n1 it is 0");
  fails_with("expect #a is refused", "it is ok");
}

}  // namespace
}  // namespace kith::sim
