#include "tests/tools/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>

extern char** environ;

namespace kith {

Terminal::Terminal(const std::vector<std::string>& arguments) {
  fd_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (fd_ < 0 || ::grantpt(fd_) != 0 || ::unlockpt(fd_) != 0) throw std::runtime_error("no terminal to be had");
  const winsize size{50, 200, 0, 0};
  ::ioctl(fd_, TIOCSWINSZ, &size);
  const std::string terminal = ::ptsname(fd_);

  std::vector<std::string> kept = {"TERM=dumb", "HOME=" + home_.path(), "NO_COLOR=1", "LC_ALL=C.UTF-8"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!text.starts_with("KITH_") && !text.starts_with("TERM=") && !text.starts_with("HOME=") && !text.starts_with("LC_")) kept.push_back(text);
  }
  std::vector<char*> environment, argv = {const_cast<char*>(KITH_PATH)};
  for (std::string& entry : kept) environment.push_back(entry.data());
  environment.push_back(nullptr);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  pid_ = ::fork();
  if (pid_ == 0) {  // Only what is safe between fork and exec.
    ::setsid();
    const int own = ::open(terminal.c_str(), O_RDWR);
    if (own < 0 || ::ioctl(own, TIOCSCTTY, 0) != 0) ::_exit(127);
    for (const int standard : {0, 1, 2}) ::dup2(own, standard);
    ::execve(KITH_PATH, argv.data(), environment.data());
    ::_exit(127);
  }
  if (pid_ < 0) throw std::runtime_error("cannot start kith");
}

Terminal::~Terminal() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(fd_);
}

bool Terminal::read_more(std::chrono::milliseconds most) {
  pollfd watched{fd_, POLLIN, 0};
  if (::poll(&watched, 1, static_cast<int>(most.count())) != 1) return false;
  char buffer[4096];
  const ssize_t got = ::read(fd_, buffer, sizeof buffer);
  for (ssize_t i = 0; i < got; ++i) {
    if (buffer[i] != '\r') screen_ += buffer[i];
  }
  return got > 0;
}

template <class Condition>
bool Terminal::until(Condition done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    (void)read_more(std::chrono::milliseconds(20));
  }
  return true;
}

bool Terminal::ends_with(const std::string& text) {
  return until([&] { return screen_.ends_with(text); });
}

bool Terminal::shows(const std::string& text) {
  return until([&] { return screen_.find(text) != std::string::npos; });
}

bool Terminal::type(const std::string& text) {
  return ::write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool Terminal::say(const std::string& line) {
  const std::size_t before = screen_.size();
  return type(line + "\n") && until([&] { return screen_.find('\n', before) != std::string::npos && screen_.ends_with("\n> "); });
}

int Terminal::wait_exit() {
  int status = 0;
  pid_t ended = 0;
  (void)until([&] { return (ended = ::waitpid(pid_, &status, WNOHANG)) == pid_; });
  if (ended != pid_) return -1;  // The destructor ends it.
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace kith
