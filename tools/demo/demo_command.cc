#include "tools/demo/demo_command.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>
#include <thread>

#include "node/view/text.h"
#include "tools/demo/demo_cluster.h"
#include "tools/demo/demo_verbs.h"
#include "tools/demo/script.h"
#include "tools/demo/story.h"
#include "tools/kith/shell.h"

namespace kith::tools {
namespace {

constexpr std::chrono::milliseconds kStopPatience{3000};

// Made here unless a directory is named; removed at the end when it was made here.
class DemoDirectory {
 public:
  explicit DemoDirectory(const std::string& named) : path_(named), ours_(named.empty()) {
    if (!ours_) {
      std::error_code error;
      std::filesystem::create_directories(path_, error);
      if (error) throw CommandError(ExitCode::kFailed, "cannot make " + path_ + ": " + error.message());
      return;
    }
    std::string pattern = (std::filesystem::temp_directory_path() / "kith-demo-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      throw CommandError(ExitCode::kFailed, "cannot make a temporary directory: " + std::string(std::strerror(errno)));
    }
    path_ = pattern;
  }
  ~DemoDirectory() { remove(); }
  DemoDirectory(const DemoDirectory&) = delete;
  DemoDirectory& operator=(const DemoDirectory&) = delete;

  const std::string& path() const { return path_; }
  void remove() const {
    std::error_code ignored;  // Nobody is left to be told.
    if (ours_) std::filesystem::remove_all(path_, ignored);
  }

 private:
  std::string path_;
  bool ours_;
};

// Cleans up when a signal ends the process: children, directory, terminal.
// SUBTLE: the signals are blocked before any other thread exists, so only the thread here ever takes one.
class SignalCleaner {
 public:
  explicit SignalCleaner(const DemoDirectory& directory) : directory_(directory) {
    sigemptyset(&signals_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, number);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    signal(SIGPIPE, SIG_IGN);
    has_terminal_ = tcgetattr(STDIN_FILENO, &terminal_) == 0;
    thread_ = std::thread([this] { watch(); });
  }
  ~SignalCleaner() {
    ending_ = true;
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SignalCleaner(const SignalCleaner&) = delete;
  SignalCleaner& operator=(const SignalCleaner&) = delete;

 private:
  void watch() {
    const timespec patience{.tv_sec = 0, .tv_nsec = 50'000'000};
    while (!ending_) {
      const int number = sigtimedwait(&signals_, nullptr, &patience);
      if (number <= 0) continue;
      kill_all_nodes_for_good();
      directory_.remove();
      if (has_terminal_) tcsetattr(STDIN_FILENO, TCSANOW, &terminal_);
      _exit(128 + number);
    }
  }

  const DemoDirectory& directory_;
  sigset_t signals_{};
  sigset_t before_{};
  termios terminal_{};
  bool has_terminal_ = false;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

void print_addresses(const Console& console, DemoCluster& cluster, const DemoDirectory& directory) {
  console.out << console.paint(Color::kHeading, count_of(cluster.nodes().size(), "node runs", "nodes run") +
                                                    " on this machine") << "; from another terminal:\n";
  for (const NodeProcess& node : cluster.nodes()) {
    console.out << "  kith -H " << node.client_address() << " status      "
                << console.paint(Color::kFaint, node.name() + ", pid " + std::to_string(node.pid())) << '\n';
  }
  console.out << console.paint(Color::kFaint, "  data and logs: " + directory.path()) << '\n' << std::flush;
}

ExitCode run_script(const std::string& file, LineRunner& runner, DemoCluster& cluster, const Console& console,
                    std::map<std::string, std::string>& variables) {
  Script script(file, runner, cluster.connections(), console, variables);
  if (file == "story") {
    std::istringstream in(kStory);
    return script.run(in);
  }
  std::ifstream in(file);
  if (!in) {
    throw CommandError(ExitCode::kFailed, "cannot open " + file + ": " + std::strerror(errno) +
                                              "; `--script story` is built in");
  }
  return script.run(in);
}

void stop_all(DemoCluster& cluster) {
  std::vector<std::jthread> threads;
  for (NodeProcess& node : cluster.nodes()) threads.emplace_back([&node] { node.stop(kStopPatience); });
}

}  // namespace

ExitCode run_demo(Context& context, const CommandLine& line) {
  if (!line.script.empty() && line.script != "story" && access(line.script.c_str(), R_OK) != 0) {
    throw CommandError(ExitCode::kFailed, "cannot open " + line.script + ": " + std::strerror(errno) +
                                              "; `--script story` is built in");
  }
  const DemoDirectory directory(line.directory);
  const SignalCleaner cleaner(directory);
  const Console& console = context.console;

  DemoCluster cluster(kithd_beside_us(), directory.path(), line.nodes, {});
  cluster.start();
  print_addresses(console, cluster, directory);

  std::map<std::string, std::string> variables;
  DemoVerbs verbs(cluster, variables);
  const LineExtension extension = verbs.extension();
  Settings settings = line.settings;
  std::tie(settings.host, settings.port) = split_address(cluster.nodes().front().client_address(), "");
  ExitCode code = ExitCode::kOk;
  if (!line.script.empty()) {
    LineRunner runner(settings, cluster.connections(), &extension, true);
    code = run_script(line.script, runner, cluster, console, variables);
  } else {
    verbs.load(console);
    console.out << "Try: smembers section:utils, at n2 hgetall pkg:bash, \\partition n1 | n2,n3, \\help\n"
                << std::flush;
    Context shell{.console = console, .connections = cluster.connections(), .interactive = true};
    code = run_shell_with(shell, settings, &extension, cluster.connections().known_names());
  }
  stop_all(cluster);
  return code;
}

}  // namespace kith::tools
