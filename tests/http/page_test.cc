// Goal: a browser shows what is so: that replicas agree, that a link is cut and what that keeps from whom, that it heals, that
//       nobody knows.
// Method: the page of a real node in headless Chromium, driven by tests/http/page/drive.mjs, which asks for what has to happen.
#include <doctest/doctest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <map>

#include "tests/http/talk.h"
#include "tests/node/kithd_process.h"
#include "tests/node/temporary_directory.h"

extern char** environ;

namespace kith {
namespace {

// A child process, and a line at a time from and to it.
class Driver {
 public:
  explicit Driver(std::vector<std::string> arguments) {
    int to[2], from[2];
    REQUIRE(::pipe(to) == 0);
    REQUIRE(::pipe(from) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], 0);
    posix_spawn_file_actions_adddup2(&actions, from[1], 1);
    for (const int fd : {to[0], to[1], from[0], from[1]}) posix_spawn_file_actions_addclose(&actions, fd);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    REQUIRE(::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(to[0]);
    ::close(from[1]);
    out_ = ::fdopen(to[1], "w");
    in_ = ::fdopen(from[0], "r");
  }
  ~Driver() {
    std::fclose(out_);
    std::fclose(in_);
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  bool read_line(std::string& line) {
    line.clear();
    for (int c = std::fgetc(in_); c != EOF; c = std::fgetc(in_)) {
      if (c == '\n') return true;
      line += static_cast<char>(c);
    }
    return !line.empty();
  }
  void write_line(const std::string& line) {
    std::fputs((line + "\n").c_str(), out_);
    std::fflush(out_);
  }
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  std::FILE* in_ = nullptr;
  std::FILE* out_ = nullptr;
};

void call(KithdProcess& node, Request request) {
  Client client = node.connect();
  if (is_write(request.op)) request.tag = client.mint_tag();
  REQUIRE(client.call(request, std::chrono::seconds(10)).status == Status::kOk);
}

void fault(KithdProcess& node, const std::string& text) {
  Request request;
  request.op = ClientOp::kFault;
  request.text = text;
  call(node, request);
}

void add(KithdProcess& node, const std::string& key, const std::string& member) {
  Request request;
  request.op = ClientOp::kSadd;
  request.key = key;
  request.members = {member};
  call(node, request);
}

TEST_CASE("page: a browser shows agreement, a cut and a heal within two seconds, and what is unknown") {
  TemporaryDirectory directory;
  const std::vector<std::string> flags{"--http", "127.0.0.1:0", "--allow-faults"};
  KithdProcess n1({.data = directory / "n1", .name = "n1", .flags = flags});
  KithdProcess n2({.data = directory / "n2", .name = "n2", .join = {n1.peer_address()}, .flags = flags});
  KithdProcess n3({.data = directory / "n3", .name = "n3", .join = {n1.peer_address()}, .flags = flags});
  for (KithdProcess* node : {&n1, &n2, &n3}) node->wait_ready();
  // One that has only just joined does not know everybody yet, and cuts no link to whom it does not know.
  for (KithdProcess* node : {&n1, &n2, &n3}) {
    const std::string there = node->port_address("http");
    REQUIRE(eventually([&] {
      const HttpAnswer answer = http_get(there, "/api/v1/nodes");
      return answer.status == 200 && answer.json()["members"].size() == 3;
    }));
  }
  add(n1, "<img src=x onerror=window.hacked=1>", "<b>bold</b>");

  const std::map<std::string, std::function<void()>> happenings = {
      {"cut", [&] { fault(n3, "cut n1"), fault(n3, "cut n2"); }},
      {"write", [&] { for (int i = 0; i < 25; ++i) add(n1, "likes", "m" + std::to_string(i)); }},
      {"heal", [&] { fault(n3, "heal"); }},
      {"kill n3", [&] { n3.kill(); }},
      {"kill n1", [&] { n1.kill(); }},
  };
  const std::string folder = KITH_SOURCE_DIR "/tests/http/page";
  Driver driver({"node", folder + "/drive.mjs", "http://" + n1.port_address("http") + "/", folder + "/fifty_nodes.json.gz"});
  std::string line, told;
  while (driver.read_line(line)) {
    told += line + "\n";
    if (!line.starts_with("do ")) continue;
    const auto found = happenings.find(line.substr(3));
    REQUIRE_MESSAGE(found != happenings.end(), line);
    found->second();
    driver.write_line("done");
  }
  const int code = driver.wait();
  CHECK_MESSAGE(code == 0, told);
  CHECK(told.find("ok: a heal is visible within 2000 ms") != std::string::npos);
  CHECK(told.find("ok: fifty-narrow: a square tells its details") != std::string::npos);
}

}  // namespace
}  // namespace kith
