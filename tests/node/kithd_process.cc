#include "tests/node/kithd_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

extern char** environ;

namespace kith {

namespace {

std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// With nothing of the environment's KITH_*: a test says all that counts.
pid_t start(const std::string& program, const std::vector<std::string>& arguments, const std::string& log_path) {
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("KITH_")) environment.push_back(*entry);
  }
  environment.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " + program);
  return pid;
}

KithdProcess::Exit exit_of(int status) {
  if (WIFEXITED(status)) return {WEXITSTATUS(status), 0};
  return {-1, WTERMSIG(status)};
}

}  // namespace

KithdProcess::KithdProcess(Options options) : options_(std::move(options)), log_path_(options_.data + ".log") { spawn(); }

KithdProcess::KithdProcess(KithdProcess&& other) noexcept
    : options_(std::move(other.options_)),
      log_path_(std::move(other.log_path_)),
      pid_(std::exchange(other.pid_, -1)),
      exit_(std::exchange(other.exit_, Exit{})),
      client_address_(std::move(other.client_address_)),
      peer_address_(std::move(other.peer_address_)),
      bound_peer_address_(std::move(other.bound_peer_address_)) {}

KithdProcess::~KithdProcess() {
  if (pid_ > 0 && running()) kill();
}

void KithdProcess::spawn() {
  std::vector<std::string> arguments = {"--data", options_.data,   "--name", options_.name,
                                        "--client", options_.client, "--peer", options_.peer};
  for (const std::string& address : options_.join) {
    arguments.push_back("--join");
    arguments.push_back(address);
  }
  arguments.insert(arguments.end(), options_.flags.begin(), options_.flags.end());
  ::unlink((options_.data + "/addresses").c_str());  // Left behind by one that was killed.
  exit_.reset();
  client_address_.clear();
  peer_address_.clear();
  pid_ = start(options_.program.empty() ? kithd_path() : options_.program, arguments, log_path_);
}

void KithdProcess::give_up(const std::string& what) {
  throw std::runtime_error(options_.name + " " + what + "; it said:\n" + output());
}

void KithdProcess::wait_listening() {
  if (!client_address_.empty()) return;
  const bool done = eventually([&] {
    std::ifstream in(options_.data + "/addresses");
    std::string client, peer;
    if (std::getline(in, client) && std::getline(in, peer) && client.starts_with("client=") && peer.starts_with("peer=")) {
      client_address_ = client.substr(7);
      peer_address_ = peer.substr(5);
      return true;
    }
    return !running();
  });
  if (!done || client_address_.empty()) give_up(exit_ ? "ended before it listened" : "does not listen");
}

const std::string& KithdProcess::client_address() {
  wait_listening();
  return client_address_;
}

const std::string& KithdProcess::peer_address() {
  wait_listening();
  return peer_address_;
}

std::string KithdProcess::find_port(const std::string& name) {
  wait_listening();
  std::ifstream in(options_.data + "/addresses");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(name + "=")) return line.substr(name.size() + 1);
  }
  return "";
}

std::string KithdProcess::port_address(const std::string& name) {
  std::string found = find_port(name);
  if (found.empty()) give_up("has no port \"" + name + "\"");
  return found;
}

std::string KithdProcess::bound_peer_address() {
  if (bound_peer_address_.empty()) {
    bound_peer_address_ = find_port("bound_peer");
    if (bound_peer_address_.empty()) bound_peer_address_ = peer_address();
  }
  return bound_peer_address_;
}

void KithdProcess::wait_ready() {
  Client client = connect();
  const bool ready = eventually([&] {
    Request hello;
    return client.call(hello, std::chrono::seconds(30)).document.find("\"introduced\":true") != std::string::npos;
  });
  if (!ready) give_up("does not get into a cluster");
}

Client KithdProcess::connect() { return Client::connect(client_address(), std::chrono::seconds(30)); }

bool KithdProcess::running() {
  if (exit_ || pid_ <= 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  exit_ = exit_of(status);
  return false;
}

void KithdProcess::send_signal(int number) const {
  if (!exit_ && pid_ > 0) ::kill(pid_, number);
}

KithdProcess::Exit KithdProcess::wait_exit() {
  if (!eventually([&] { return !running(); })) kill();
  return *exit_;
}

KithdProcess::Exit KithdProcess::terminate() {
  send_signal(SIGTERM);
  return wait_exit();
}

void KithdProcess::kill() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  waitpid(pid_, &status, 0);
  exit_ = exit_of(status);
}

void KithdProcess::restart() {
  if (running()) throw std::logic_error(options_.name + " is running: end it first");
  if (!client_address_.empty()) {
    options_.client = client_address_;
    options_.peer = bound_peer_address_.empty() ? peer_address_ : bound_peer_address_;
  }
  spawn();
}

std::string KithdProcess::output() const { return read_all(log_path_); }

std::string kithd_path() { return KITHD_PATH; }

KithdRun run_kithd(const std::vector<std::string>& arguments) {
  std::string path = "/tmp/kithd-run-XXXXXX";
  const int file = mkstemp(path.data());
  if (file < 0) throw std::runtime_error("cannot make a temporary file");
  close(file);
  const pid_t pid = start(kithd_path(), arguments, path);
  int status = 0;
  if (!eventually([&] { return waitpid(pid, &status, WNOHANG) == pid; })) {
    ::kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
  }
  KithdRun out{exit_of(status).code, read_all(path)};
  unlink(path.c_str());
  return out;
}

}  // namespace kith
