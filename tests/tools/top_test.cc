// Goal: `kith top` on a real terminal: shows the cluster, follows its size, leaves the terminal as it was.
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tools/node_fixture.h"

namespace kith {
namespace {

// `kith` as the child of a terminal of our own.
class OnTerminal {
 public:
  OnTerminal(const std::string& address, unsigned short columns, unsigned short rows) {
    winsize size{rows, columns, 0, 0};
    pid_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::execl(KITH_PATH, "kith", "-H", address.c_str(), "top", nullptr);
      ::_exit(127);
    }
  }
  ~OnTerminal() {
    ::close(terminal_);
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;

  void resize(unsigned short columns, unsigned short rows) {
    winsize size{rows, columns, 0, 0};
    REQUIRE(::ioctl(terminal_, TIOCSWINSZ, &size) == 0);
  }
  void press(char key) { REQUIRE(::write(terminal_, &key, 1) == 1); }
  // Until `part` has come, counted from the last time.
  bool comes(const std::string& part) {
    return eventually([&] {
      char buffer[4096];
      pollfd item{terminal_, POLLIN, 0};
      if (::poll(&item, 1, 10) == 1) {
        const ssize_t count = ::read(terminal_, buffer, sizeof buffer);
        if (count > 0) text_.append(buffer, static_cast<std::size_t>(count));
      }
      const std::size_t at = text_.find(part);
      if (at == std::string::npos) return false;
      text_.erase(0, at + part.size());
      return true;
    });
  }
  int end() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  int terminal_ = -1;
  pid_t pid_ = -1;
  std::string text_;
};

TEST_CASE("top: on a terminal it goes on, follows the size, and gives the terminal back at q and at Ctrl-C") {
  NodeFixture node;
  {
    OnTerminal top(node.address(), 100, 30);
    CHECK(top.comes("\x1b[?1049h"));
    CHECK(top.comes("converged at root 00000000 since"));
    CHECK(node.run({"sadd", "likes", "tea"}).code == 0);
    CHECK(top.comes("n1                   none"));  // Another picture, by itself.
    top.resize(12, 4);
    CHECK(top.comes("= converged…"));            // As much of the sentence as there is room for.
    top.resize(1, 1);
    CHECK(top.comes("…"));
    top.resize(120, 40);
    CHECK(top.comes("since"));
    top.press('q');
    CHECK(top.comes("\x1b[?1049l"));
    CHECK(top.end() == 0);
  }
  OnTerminal top(node.address(), 80, 24);
  CHECK(top.comes("converged"));
  top.press('\x03');  // Ctrl-C
  CHECK(top.comes("\x1b[?1049l"));
  CHECK(top.end() == 0);
}

TEST_CASE("top: where there is no terminal it shows the cluster once, without colours") {
  NodeFixture node;
  const std::string text = node.out({"top"});
  CHECK(has(text, "= converged at root"));
  CHECK_FALSE(has(text, "\x1b"));
}

}  // namespace
}  // namespace kith
