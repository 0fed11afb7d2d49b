#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <sstream>

#include "tests/node/kithd_process.h"
#include "tests/node/temporary_directory.h"
#include "tests/tools/kith_process.h"
#include "tools/demo/package_list.h"

namespace kith {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// "n1, pid 123" in what the demo prints.
std::vector<pid_t> pids_in(const std::string& text) {
  std::vector<pid_t> out;
  for (std::size_t at = text.find(", pid "); at != std::string::npos; at = text.find(", pid ", at + 1)) {
    out.push_back(static_cast<pid_t>(std::stol(text.substr(at + 6))));
  }
  return out;
}

TEST_CASE("demo: the story comes true, and leaves no process behind") {
  const KithRun done = run_kith({"demo", "--script", KITH_SOURCE_DIR "/demo/story.kith"});
  CAPTURE(done.out);
  CAPTURE(done.err);
  CHECK(done.code == 0);
  CHECK(has(done.out, "each with the result expected"));
  CHECK_FALSE(has(done.out, "✗"));
  const auto pids = pids_in(done.out);
  REQUIRE(pids.size() == 3);
  for (const pid_t pid : pids) CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("demo: a script whose expectation fails says what was seen, on which line, and fails") {
  const TemporaryDirectory directory;
  const std::string script =
      directory.write("wrong.kith", "= Wrong\nat n1 sadd s a\n\nexpect \"b\" at n1 smembers s\nat n1 sadd s c\n");
  const KithRun done = run_kith({"demo", "--nodes", "1", "--script", script});
  CHECK(done.code == 1);
  CHECK(has(done.err, "wrong.kith, line 4"));
  CHECK(has(done.out, "✗ at n1 smembers s  expected \"b\", saw \"a\""));
  CHECK_FALSE(has(done.out, "sadd s c"));
}

TEST_CASE("demo: lines that make no sense are usage errors with their number") {
  const TemporaryDirectory directory;
  for (const std::string line : {"frobnicate", "\\partiton n1", "at n9 get k", "expect", "at n1 get $nothing",
                                 "get 'open", "\\partition n1", "\\kill n7", "\\latency soon"}) {
    CAPTURE(line);
    const KithRun done =
        run_kith({"demo", "--nodes", "1", "--script", directory.write("bad.kith", "# first\n" + line + "\n")});
    CAPTURE(done.err);
    CHECK(done.code == (line == "at n9 get k" ? 1 : 2));
    CHECK(has(done.err, "bad.kith, line 2: " + line));
  }
  CHECK(run_kith({"demo", "--script", directory / "absent"}).code == 1);
}

TEST_CASE("demo: the shell from a pipe, --dir keeps the logs") {
  const TemporaryDirectory directory;
  const std::string kept = directory / "kept";
  const KithRun done = run_kith(
      {"demo", "--nodes", "2", "--dir", kept},
      {.standard_input = "scard rdeps:libc6\n\\kill n2\n\\status\n\\restart n2\n\\converge\nat n2 keys section: \n"});
  CAPTURE(done.out);
  CAPTURE(done.err);
  CHECK(done.code == 0);
  CHECK(has(done.out, "packages of this machine loaded through 2 nodes"));
  CHECK(has(done.out, "unreachable"));
  CHECK(has(done.out, "section:utils"));
  CHECK(std::filesystem::exists(kept + "/n2.log"));
  for (const pid_t pid : pids_in(done.out)) CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("packages: paragraphs become hashes, sections and dependants") {
  std::istringstream in(
      "Package: bash\nStatus: install ok installed\nSection: shells\nVersion: 5.2\nDescription: a shell\n more\n"
      "Depends: libc6 (>= 2.36), debianutils (>= 2.15) | other, perl:any\nPre-Depends: libc6\n\n"
      "Package: gone\nStatus: deinstall ok config-files\n\n"
      "Package: zsh\nStatus: install ok installed\nDepends: libc6\n");
  const auto packages = tools::read_packages(in);
  REQUIRE(packages.size() == 2);
  CHECK(packages[0].name == "bash");
  CHECK(packages[0].depends == std::vector<std::string>{"debianutils", "libc6", "perl"});
  const auto writes = tools::writes_of(packages);
  const auto find = [&](const std::string& key) -> const Request& {
    const auto found =
        std::find_if(writes.begin(), writes.end(), [&](const Request& write) { return write.key == key; });
    REQUIRE(found != writes.end());
    return *found;
  };
  CHECK(find("pkg:bash").fields.size() == 3);
  CHECK(find("section:shells").members == std::vector<std::string>{"bash"});
  CHECK(find("rdeps:libc6").members == std::vector<std::string>{"bash", "zsh"});
}

}  // namespace
}  // namespace kith
