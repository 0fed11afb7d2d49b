#include "tools/demo/node_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "crdt/check.h"
#include "tools/kith/exit_code.h"

namespace kith::tools {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kStartTimeout{20};
constexpr std::chrono::milliseconds kPoll{5};
constexpr std::size_t kLogLinesShown = 5;

// Every child that may be alive, so that a thread which handles a signal can end them while another starts one.
std::mutex g_children_mutex;
std::set<pid_t> g_children;
bool g_no_more_children = false;

void forget_child(pid_t pid) {
  const std::scoped_lock lock(g_children_mutex);
  g_children.erase(pid);
}

std::string end_of(const std::string& path) {
  std::ifstream in(path);
  std::deque<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(std::move(line));
    if (lines.size() > kLogLinesShown) lines.pop_front();
  }
  std::string out;
  for (const std::string& line : lines) out += "\n  " + line;
  return out;
}

}  // namespace

NodeProcess::NodeProcess(NodeProcess&& other) noexcept
    : options_(std::move(other.options_)),
      client_address_(std::move(other.client_address_)),
      peer_address_(std::move(other.peer_address_)),
      log_path_(std::move(other.log_path_)),
      pid_(std::exchange(other.pid_, 0)) {}

void NodeProcess::fail(const std::string& what) {
  kill();
  throw CommandError(ExitCode::kFailed, options_.name + " " + what + ".  Its log, " + log_path_ + ", ends:" +
                                            end_of(log_path_));
}

void NodeProcess::start() {
  KITH_CHECK(!running(), "a node is started twice", options_.name);
  std::filesystem::create_directories(options_.directory);
  log_path_ = options_.directory + "/" + options_.name + ".log";
  std::filesystem::remove(options_.directory + "/" + options_.name + "/addresses");
  spawn();
  const auto deadline = Clock::now() + kStartTimeout;
  while (!read_addresses()) {
    if (!running()) fail("ended instead of starting");
    if (Clock::now() > deadline) fail("did not listen within 20 s");
    std::this_thread::sleep_for(kPoll);
  }
}

void NodeProcess::spawn() {
  std::vector<std::string> words = {options_.program,
                                    "--data", options_.directory + "/" + options_.name,
                                    "--name", options_.name,
                                    "--client", client_address_.empty() ? "127.0.0.1:0" : client_address_,
                                    "--peer", peer_address_.empty() ? "127.0.0.1:0" : peer_address_};
  for (const std::string& peer : options_.join) {
    words.emplace_back("--join");
    words.push_back(peer);
  }
  words.insert(words.end(), options_.arguments.begin(), options_.arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // Without our KITH_*: the demo's nodes are as the demo says, whatever the user's shell has set.
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("KITH_")) environment.push_back(*entry);
  }
  environment.push_back(nullptr);

  const int log = open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (log < 0 || null < 0) {
    const std::string why = std::strerror(errno);
    if (log >= 0) close(log);
    throw CommandError(ExitCode::kFailed, "cannot open " + log_path_ + ": " + why);
  }
  const pid_t parent = getpid();
  const std::scoped_lock lock(g_children_mutex);
  const pid_t child = g_no_more_children ? -1 : fork();
  if (child == 0) {  // Only async-signal-safe calls from here on.
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);  // It died before we asked to be told.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execve(argv[0], argv.data(), environment.data());
    _exit(127);
  }
  const int error = errno;
  close(log);
  close(null);
  if (child < 0) throw CommandError(ExitCode::kFailed, std::string("cannot start a process: ") + std::strerror(error));
  pid_ = child;
  g_children.insert(child);
}

bool NodeProcess::read_addresses() {
  std::ifstream in(options_.directory + "/" + options_.name + "/addresses");
  std::string client;
  std::string peer;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("client=")) client = line.substr(7);
    if (line.starts_with("peer=")) peer = line.substr(5);
  }
  if (client.empty() || peer.empty()) return false;
  client_address_ = client;
  peer_address_ = peer;
  return true;
}

bool NodeProcess::running() {
  if (pid_ == 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == 0) return true;
  forget_child(pid_);
  pid_ = 0;
  return false;
}

void NodeProcess::kill() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  forget_child(pid_);
  pid_ = 0;
}

bool NodeProcess::stop(std::chrono::milliseconds patience) {
  if (!running()) return true;
  ::kill(pid_, SIGTERM);
  const auto deadline = Clock::now() + patience;
  while (running()) {
    if (Clock::now() > deadline) {
      kill();
      return false;
    }
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

void kill_all_nodes_for_good() {
  const std::scoped_lock lock(g_children_mutex);
  g_no_more_children = true;
  for (const pid_t child : g_children) ::kill(child, SIGKILL);
}

std::string kithd_beside_us() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  if (length <= 0) throw CommandError(ExitCode::kFailed, "cannot tell where this program is");
  const auto kithd = std::filesystem::path(std::string(path, static_cast<std::size_t>(length))).parent_path() / "kithd";
  if (access(kithd.c_str(), X_OK) != 0) {
    throw CommandError(ExitCode::kFailed, "there is no kithd beside this program, at " + kithd.string() +
                                              ": build or install it there");
  }
  return kithd.string();
}

}  // namespace kith::tools
