// tests/sim/tool_test.cc -- the real kith-sim, run to its end.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <regex>
#include <thread>

#include "sim/scenario.h"
#include "tests/node/temporary_directory.h"
#include "tests/tools/kith_process.h"
#include "tools/sim/tool.h"

extern char** environ;

namespace kith {
namespace {

const std::string kScenarios = KITH_SOURCE_DIR "/sim/scenarios/";

// kith_process.cc is built with the path of kith-sim here.
KithRun run_sim(const std::vector<std::string>& arguments) { return run_kith(arguments); }

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Of its three claims the second is not so.
const char* const kFalseClaim = R"(name = "false claim"
about = "It claims what is not so."
duration = "10s"
[nodes]
count = 3
[workload]
writes_per_second = 5
[timeline]
events = """
at 2s alice adds tea to likes at n1
at 3s expect likes has { tea } at all
at 5s expect likes has { milk } at all
at 7s expect likes has { tea } at all
"""
)";

TEST_CASE("kith-sim run: a shipped scenario keeps all laws, and the story says so") {
  const KithRun done = run_sim({"run", kScenarios + "two_sites.toml"});
  CHECK_MESSAGE(done.code == 0, done.out);
  CHECK(done.err == "");
  CHECK(has(done.out, "two_sites (seed 1, 6 nodes, 2 min)"));
  CHECK(has(done.out, "Two sites of three nodes"));
  CHECK(has(done.out, "kept"));
  CHECK(has(done.out, "all replicas were equal"));
  CHECK(has(done.out, "all laws were kept"));
}

TEST_CASE("kith-sim run: a broken law is exit code 1, with its letter, its meaning and the line that runs it again") {
  const TemporaryDirectory directory;
  const std::string file = directory.write("false.toml", kFalseClaim);
  const KithRun done = run_sim({"run", file, "--seed", "5"});
  CHECK(done.code == 1);
  CHECK(has(done.out, "1 of 3 kept before that"));
  CHECK(has(done.out, "law X, expectation"));
  CHECK(has(done.out, "kith-sim run " + file + " --seed 5\n"));
}

TEST_CASE("kith-sim run: the trace has lines, and does not change the history") {
  const TemporaryDirectory directory;
  const std::string file = directory.write("false.toml", kFalseClaim);
  const auto hash_of = [](const KithRun& done) {
    std::smatch match;
    REQUIRE(std::regex_search(done.out, match, std::regex("history +([0-9a-f]{16})")));
    return match[1].str();
  };
  const KithRun plain = run_sim({"run", file}), traced = run_sim({"run", file, "--trace"}),
                inside = run_sim({"run", file, "--in-process"});
  CHECK(hash_of(plain) == hash_of(traced));
  CHECK(hash_of(plain) == hash_of(inside));
  CHECK(inside.code == 1);
  CHECK(std::count(traced.out.begin(), traced.out.end(), '\n') >
        50 + std::count(plain.out.begin(), plain.out.end(), '\n'));
  CHECK(has(traced.out, "VIOLATION X"));
}

TEST_CASE("kith-sim run --report: a page, figures and a picture, the same each time") {
  const TemporaryDirectory directory;
  const std::string file = directory.write("false.toml", kFalseClaim), out = directory / "a/b", again = directory / "c";
  const KithRun done = run_sim({"run", file, "--report", out});
  CHECK(done.code == 1);
  CHECK(has(done.out, out + "/false_claim.html\n"));
  CHECK(has(read_file(out + "/false_claim.html"), "<html"));
  CHECK(has(read_file(out + "/false_claim.svg"), "<svg"));
  CHECK(has(read_file(out + "/false_claim.json"), "\"seed\""));
  run_sim({"run", file, "--report", again});
  for (const char* kind : {".html", ".json", ".svg"}) {
    CHECK(read_file(out + "/false_claim" + kind) == read_file(again + "/false_claim" + kind));
  }
}

TEST_CASE("kith-sim run --report: a directory that cannot be made is named") {
  const TemporaryDirectory directory;
  const std::string file = directory.write("false.toml", kFalseClaim);
  const KithRun done = run_sim({"run", file, "--report", file + "/in_a_file"});
  CHECK(done.code == 1);
  CHECK(has(done.err, file + "/in_a_file"));
}

TEST_CASE("kith-sim run: of several files the worst decides") {
  const TemporaryDirectory directory;
  const std::string bad = directory.write("false.toml", kFalseClaim);
  std::string good_text = kFalseClaim;
  good_text.replace(good_text.find("{ milk }"), 8, "{ tea }");
  const std::string good = directory.write("good.toml", good_text);
  CHECK(run_sim({"run", good}).code == 0);
  CHECK(run_sim({"run", bad, good}).code == 1);
  CHECK(has(run_sim({"run", good, bad}).out, "all laws were kept"));
}

TEST_CASE("kith-sim: exit code 2 for what makes no sense, and the error names it") {
  const TemporaryDirectory directory;
  const std::string broken = directory.write("broken.toml", "duration = \"10s\"\n[nodes]\ncuont = 3\n");
  const std::string empty = directory.write("empty.toml", "");
  const struct {
    std::vector<std::string> arguments;
    std::string says;
  } kTable[] = {
      {{"run", broken}, broken + ": line 3"},
      {{"run", empty}, empty + ": nodes"},
      {{"run", "/nonexistent.toml"}, "/nonexistent.toml: cannot be read (No such file"},
      {{"run", directory.path()}, "is a directory"},
      {{"run"}, "--drawn"},
      {{"run", "--drawn", "-1"}, "\"-1\" is no seed"},
      {{"run", "--drawn", "18446744073709551616"}, "is no seed"},
      {{"run", broken, "--drawn", "1"}, "not both"},
      {{"run", "--drawn", "1", "--faults", "101"}, "--faults"},
      {{"run", "--drawn", "1", "--plant", "x"}, "--plant"},
      {{"sweep", "--seeds", "5..2"}, "2..5"},
      {{"sweep", "--seeds", "many"}, "1..2000"},
      {{"sweep", "--seeds", "1..2", "--fresh", "2"}, "not both"},
      {{"sweep", "--jobs", "0"}, "--jobs"},
      {{"sweep", "--minutes", "0"}, "--minutes"},
      {{"shrink"}, "required"},
      {{"shrink", broken}, broken},
      {{"hash", "x"}, "is no seed"},
      {{"hash"}, "required"},
      {{"frobnicate"}, "frobnicate"},
      {{"--frobnicate"}, "--frobnicate"},
  };
  for (const auto& row : kTable) {
    const KithRun done = run_sim(row.arguments);
    CAPTURE(row.says);
    CAPTURE(done.err);
    CHECK(done.code == 2);
    CHECK(done.err.starts_with("kith-sim: "));
    CHECK(has(done.err, row.says));
    CHECK(done.out == "");
  }
}

TEST_CASE("kith-sim --help: examples, every command, exit codes") {
  for (const std::vector<std::string>& words : {std::vector<std::string>{}, {"--help"}, {"-h"}}) {
    const KithRun done = run_sim(words);
    CHECK(done.code == 0);
    for (const char* part : {"Examples:", "kith-sim run --drawn 17", "sweep", "shrink", "bench", "Exit codes:"}) {
      CHECK(has(done.out, part));
    }
  }
  for (const char* command : {"run", "sweep", "shrink", "bench", "hash"}) {
    const KithRun done = run_sim({command, "--help"});
    CHECK(done.code == 0);
    CHECK(has(done.out, std::string("Usage: kith-sim ") + command));
  }
}

TEST_CASE("kith-sim run --drawn --print: the file is the history") {
  // Some seeds draw what a file cannot say, so one without a grid is taken.
  const KithRun printed = run_sim({"run", "--drawn", "5", "--print"});
  CHECK(printed.code == 0);
  const TemporaryDirectory directory;
  const std::string file = directory.write("5.toml", printed.out);
  const std::regex hash("history +[0-9a-f]{16}");
  std::smatch a, b;
  const KithRun drawn = run_sim({"run", "--drawn", "5"}), read = run_sim({"run", file});
  REQUIRE(std::regex_search(drawn.out, a, hash));
  REQUIRE(std::regex_search(read.out, b, hash));
  CHECK(a.str() == b.str());
}

TEST_CASE("kith-sim sweep: a summary of twenty seeds, and an exit code that agrees with it") {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"sweep", "--seeds", "1..20"},
        {"sweep", "--seeds", "20", "--twice", "--jobs", "3", "--check-messages", "--marks"}}) {
    const KithRun done = run_sim(words);
    CAPTURE(done.out);
    CHECK(has(done.out, "seeds       20\n"));
    CHECK(done.code == (has(done.out, "failures    0\n") ? 0 : 1));
    CHECK(has(done.out, "FAILED seed ") == (done.code == 1));
    CHECK_FALSE(has(done.out, "law T"));
    CHECK_FALSE(has(done.out, "MISSED"));
    CHECK(has(done.out, "times real time"));
    CHECK(has(done.out, "engine: commits") == (words.back() == "--marks"));
  }
}

TEST_CASE("kith-sim sweep --hashes, hash: one history a seed, in whatever process, in the order of seeds") {
  const KithRun alone = run_sim({"sweep", "--seeds", "3..9", "--hashes", "--jobs", "1"});
  const KithRun together = run_sim({"sweep", "--seeds", "3..9", "--hashes", "--jobs", "4"});
  const KithRun named = run_sim({"hash", "3", "4", "5", "6", "7", "8", "9"});
  CHECK(std::regex_match(alone.out, std::regex("([3-9] [0-9a-f]{16}\n){7}")));
  CHECK(alone.out == together.out);
  CHECK(alone.out == named.out);
  CHECK(run_sim({"hash", "3", "--faults", "0"}).out != run_sim({"hash", "3"}).out);
}

TEST_CASE("kith-sim sweep --fresh: the first seed is printed, and is another each time") {
  const auto first = [] {
    const KithRun done = run_sim({"sweep", "--fresh", "2"});
    std::smatch match;
    REQUIRE(std::regex_search(done.out, match, std::regex("first seed  ([0-9]+)\n")));
    CHECK(has(done.out, "seeds       2\n"));
    return match[1].str();
  };
  CHECK(first() != first());
}

// Goal: Ctrl-C ends a sweep of a million seeds, and what it found until then is not lost.
TEST_CASE("kith-sim sweep: interrupted, it prints the summary") {
  const TemporaryDirectory directory;
  const std::string out = directory / "out";
  std::vector<std::string> words = {KITH_PATH, "sweep", "--fresh", "1000000"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t id = -1;
  REQUIRE(posix_spawn(&id, KITH_PATH, &actions, nullptr, arguments.data(), environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  for (int i = 0; i < 2000 && !has(read_file(out), "first seed"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(has(read_file(out), "first seed"));
  ::kill(id, SIGINT);
  int status = 0;
  REQUIRE(::waitpid(id, &status, 0) == id);
  REQUIRE(WIFEXITED(status));
  const std::string text = read_file(out);
  CHECK(WEXITSTATUS(status) == (has(text, "FAILED") ? 1 : 130));
  CHECK(has(text, "interrupted"));
  CHECK(has(text, "failures    "));
}

TEST_CASE("kith-sim shrink: what is left is a short file that breaks the same law") {
  const TemporaryDirectory directory;
  const std::string file = directory.write("false.toml", kFalseClaim), out = directory / "short.toml";
  const KithRun done = run_sim({"shrink", file, "--out", out, "--like", "likes"});
  CAPTURE(done.err);
  CHECK(done.code == 1);
  CHECK(has(done.out, out));
  const std::string text = read_file(out);
  CHECK(text.starts_with("# Breaks law X, expectation"));
  CHECK(has(text, "kith-sim run " + out));
  std::string problem;
  const auto left = sim::parse_scenario(text, problem);
  REQUIRE_MESSAGE(left, problem);
  // A claim by itself is false enough.
  CHECK(left->timeline.size() == 1);
  const KithRun again = run_sim({"run", out});
  CHECK(again.code == 1);
  CHECK(has(again.out, "law X"));
}

TEST_CASE("kith-sim shrink: nothing to cut down is exit code 2") {
  const KithRun done = run_sim({"shrink", kScenarios + "two_sites.toml"});
  CHECK(done.code == 2);
  CHECK(has(done.err, "breaks no law"));
}

TEST_CASE("kith-sim bench: figures for people and for machines") {
  CHECK(has(run_sim({"bench", "--seeds", "3"}).out, "times real time"));
  CHECK(has(run_sim({"bench", "--seeds", "3", "--json"}).out, "\"steps_per_second\""));
}

bool plant_tea(std::string_view name) { return name == "tea"; }

TEST_CASE("kith-sim with more: further commands and planted faults") {
  std::vector<std::string> given;
  sim::tool::Extras extras;
  extras.commands.push_back(
      {.name = "mutants", .about = "lists them", .run = [&](const std::vector<std::string>& words) {
         given = words;
         return 42;
       }});
  extras.plant = plant_tea;
  CHECK(sim::tool::run_tool({"mutants", "a", "--b"}, extras) == 42);
  CHECK(given == std::vector<std::string>{"a", "--b"});
  CHECK(sim::tool::run_tool({"hash", "1", "--plant", "tea"}, extras) != 2);
  CHECK(sim::tool::run_tool({"hash", "1", "--plant", "milk"}, extras) == 2);
}

}  // namespace
}  // namespace kith
