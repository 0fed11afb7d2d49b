// kithd -- one node of a Kith cluster.  Exit codes: 0 stopped as asked, 1 failed, 2 usage or configuration, or one that the
// cluster does not agree with.
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "node/http/port.h"
#include "node/log.h"
#include "node/node.h"
#include "node/waker.h"

extern char** environ;

namespace {

using namespace kith;

Environment read_environment() {
  Environment out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string::npos && text.starts_with("KITH_")) out[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return out;
}

// SIGTERM and SIGINT as something to poll.  Made before any thread, so that none of them is interrupted.
int open_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

// LMDB reads its file through a map, so a damaged inner page of it, or a disk that cannot be read, ends in one of these.
void tell_of_crash(int signal_number) {
  static constexpr char kText[] =
      "kithd: stopped by a memory fault; most likely data.mdb is damaged in its inner pages, or its disk cannot be read. Run "
      "`kith verify` on the data directory; to get going again, set it aside and let the node join anew\n";
  (void)!::write(STDERR_FILENO, kText, sizeof kText - 1);
  ::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

// Not where a sanitizer has something better to say.
void watch_for_crashes() {
  for (const int number : {SIGSEGV, SIGBUS}) {
    struct sigaction present {};
    if (::sigaction(number, nullptr, &present) == 0 && present.sa_handler == SIG_DFL) ::signal(number, tell_of_crash);
  }
}

int run(const Config& config) {
  start_log(config.log_level, config.log_json, config.name);
  watch_for_crashes();
  const int stop_signals = open_stop_signals();
  if (stop_signals < 0) {
    log(LogLevel::kError, "cannot watch for signals");
    return 1;
  }
  Waker finished;
  Node node(config);
  std::vector<std::pair<std::string, std::string>> ports;
  std::unique_ptr<HttpPort> http;
  if (!config.http.empty()) {
    http = std::make_unique<HttpPort>(config.http, node.window());
    ports.emplace_back("http", http->address());
  }
  node.start(
      [&](const std::string& line) {
        log(LogLevel::kInfo, line);
        std::printf("%s\n", line.c_str());
        std::fflush(stdout);
      },
      [&] { finished.wake(); }, ports);
  if (http) http->start();

  pollfd watched[] = {{stop_signals, POLLIN, 0}, {finished.fd(), POLLIN, 0}};
  while (poll(watched, 2, -1) < 0) {
  }
  if ((watched[0].revents & POLLIN) != 0) {
    log(LogLevel::kInfo, "stopping: answering what is in flight");
    signalfd_siginfo taken{};
    (void)!::read(stop_signals, &taken, sizeof taken);
    node.stop();
    while (poll(watched, 2, -1) < 0) {
    }
    if ((watched[0].revents & POLLIN) != 0) node.hurry();
  }
  http.reset();
  const std::string failure = node.join();
  close(stop_signals);
  if (!failure.empty()) {
    log(LogLevel::kError, failure);
    return node.refused() ? 2 : 1;
  }
  log(LogLevel::kInfo, "stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  auto loaded = load_config(arguments, read_environment());
  if (const auto* exit = std::get_if<ConfigExit>(&loaded)) {
    std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
    return exit->code;
  }
  try {
    return run(std::get<Config>(loaded));
  } catch (const NodeMisfit& error) {
    log(LogLevel::kError, error.what());
    return 2;
  } catch (const std::exception& error) {
    log(LogLevel::kError, error.what());
    return 1;
  }
}
