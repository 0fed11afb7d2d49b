#include "tools/sim/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <sstream>
#include <system_error>

#include "tools/sim/text.h"

namespace kith::sim::tool {
namespace {

constexpr std::size_t kLastWordsMax = std::size_t{64} << 10;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

bool send_all(int socket, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(socket, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool receive_all(int socket, char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::recv(socket, bytes, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool send_message(int socket, const std::string& message) {
  const std::uint64_t size = message.size();
  std::array<char, sizeof size> head;
  std::memcpy(head.data(), &size, sizeof size);
  return send_all(socket, head.data(), head.size()) && send_all(socket, message.data(), message.size());
}

std::optional<std::string> receive_message(int socket) {
  std::uint64_t size = 0;
  std::array<char, sizeof size> head;
  if (!receive_all(socket, head.data(), head.size())) return std::nullopt;
  std::memcpy(&size, head.data(), sizeof size);
  std::string out(size, '\0');
  if (!receive_all(socket, out.data(), out.size())) return std::nullopt;
  return out;
}

// Of all that was printed, the line that says what was wrong: an assertion's, a sanitizer's, or the last.
std::string telling_line(const std::string& printed) {
  constexpr std::array<std::string_view, 4> kTelling = {"kith: bug:", "ERROR: AddressSanitizer",
                                                        "runtime error:", "what():"};
  for (const std::string_view telling : kTelling) {
    std::istringstream lines(printed);
    for (std::string line; std::getline(lines, line);) {
      if (line.find(telling) != std::string::npos) return one_line(line);
    }
  }
  std::istringstream lines(printed);
  std::string last;
  for (std::string line; std::getline(lines, line);) {
    if (!one_line(line).empty()) last = one_line(line);
  }
  return last;
}

}  // namespace

Child::Child(Serve serve) {
  std::cout.flush();
  std::fflush(nullptr);
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail("cannot make a pair of sockets");
  errors_ = ::memfd_create("kith-sim errors", MFD_CLOEXEC);
  const pid_t parent = ::getpid();
  id_ = errors_ < 0 ? -1 : ::fork();
  if (id_ < 0) {
    const int error = errno;
    for (const int open : {ends[0], ends[1], errors_}) {
      if (open >= 0) ::close(open);
    }
    errno = error;
    fail("cannot start a worker process");
  }
  if (id_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);  // It was gone before that.
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGTERM, SIG_DFL);
    std::signal(SIGABRT, SIG_DFL);  // Whoever handles the parent's has nothing to say about ours.
    ::close(ends[0]);
    ::dup2(errors_, STDERR_FILENO);
    live(ends[1], serve);
  }
  ::close(ends[1]);
  socket_ = ends[0];
}

Child::~Child() {
  end();
  ::close(socket_);
  ::close(errors_);
}

// SUBTLE: noexcept, so that what is thrown ends the child with its text on stderr, and never unwinds into the parent's
// code.
void Child::live(int socket, const Serve& serve) noexcept {
  while (const auto request = receive_message(socket)) {
    // The last words must be about the request at hand.
    if (::ftruncate(STDERR_FILENO, 0) == 0) ::lseek(STDERR_FILENO, 0, SEEK_SET);
    const std::string answer = serve(*request);
    std::cout.flush();
    if (!send_message(socket, answer)) break;
  }
  ::_exit(0);
}

void Child::ask(const std::string& request) { (void)send_message(socket_, request); }

std::optional<std::string> Child::answer() { return receive_message(socket_); }

bool Child::wait(std::int64_t limit_us) const {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::microseconds(limit_us);
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count() + 1;
    if (left <= 0) return false;
    pollfd socket{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&socket, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000))) > 0) return true;
  }
}

void Child::end() {
  if (id_ > 0) ::kill(id_, SIGKILL);
  reap();
}

void Child::reap() {
  if (id_ <= 0) return;
  while (::waitpid(id_, &status_, 0) < 0 && errno == EINTR) {
  }
  id_ = -1;
}

std::string Child::last_words(std::string* everything) {
  reap();
  std::string printed(kLastWordsMax, '\0');
  const ssize_t got = ::pread(errors_, printed.data(), printed.size(), 0);
  printed.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  const std::string line = telling_line(printed);
  if (everything != nullptr) *everything = std::move(printed);
  if (!line.empty()) return line;
  if (WIFSIGNALED(status_)) return std::string("ended by a signal: ") + ::strsignal(WTERMSIG(status_));
  return "ended with exit code " + std::to_string(WEXITSTATUS(status_)) + " in the middle of a run";
}

}  // namespace kith::sim::tool
