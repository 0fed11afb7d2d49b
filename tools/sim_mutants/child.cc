#include "tools/sim_mutants/child.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace kith::tools {
namespace {

[[noreturn]] void give_up(const char* doing) { throw std::system_error(errno, std::generic_category(), doing); }

void write_all(int pipe, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t wrote = ::write(pipe, text.data() + at, text.size() - at);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return;  // Nobody listens any more.
    at += static_cast<std::size_t>(wrote);
  }
}

}  // namespace

Child start_child(const std::function<std::string()>& work, bool with_errors) {
  int ends[2];
  if (::pipe(ends) != 0) give_up("making a pipe for a history");
  std::fflush(stdout);  // What waits in the buffer would be said twice.
  const pid_t process = ::fork();
  if (process < 0) give_up("starting a process for a history");
  if (process > 0) {
    ::close(ends[1]);
    return {process, ends[0]};
  }
  ::close(ends[0]);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  if (with_errors) ::dup2(ends[1], STDERR_FILENO);
  // What is thrown here must not be caught above: there, the parent's work would be done twice.
  [&]() noexcept { write_all(ends[1], work()); }();
  ::_exit(0);
}

Ended wait_for(const Child& child) {
  Ended out;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(child.pipe, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    out.said.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(child.pipe);
  int status = 0;
  while (::waitpid(child.process, &status, 0) < 0) {
    if (errno != EINTR) give_up("waiting for a history");
  }
  if (WIFSIGNALED(status)) out.signal = WTERMSIG(status);
  return out;
}

}  // namespace kith::tools
