#include "tools/bench/redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <thread>

namespace kith::bench {

namespace {

constexpr std::chrono::seconds kStartMost{20};

sockaddr_in loopback(int port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<std::uint16_t>(port));
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const bool found = socket >= 0 && ::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                     ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (socket >= 0) ::close(socket);
  if (!found) throw std::runtime_error("this machine has no free port for a redis-server");
  return ntohs(address.sin_port);
}

bool answers(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  char reply[8] = {};
  const bool out = socket >= 0 && ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                   ::send(socket, "PING\r\n", 6, MSG_NOSIGNAL) == 6 && ::recv(socket, reply, sizeof reply, 0) > 0 && reply[0] == '+';
  if (socket >= 0) ::close(socket);
  return out;
}

}  // namespace

RedisServer::RedisServer(const std::string& directory, const std::vector<std::string>& arguments) : port_(free_port()) {
  std::filesystem::create_directories(directory);
  std::vector<std::string> words = {"redis-server", "--port", std::to_string(port_), "--bind", "127.0.0.1", "--dir", directory, "--save", ""};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string log_path = directory + "/redis.log";
  const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {  // Only async-signal-safe calls from here on.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  if (log >= 0) ::close(log);
  if (pid_ < 0) throw std::runtime_error("cannot start a process for redis-server");
  const auto deadline = std::chrono::steady_clock::now() + kStartMost;
  while (!answers(port_)) {
    int status = 0;
    const bool ended = ::waitpid(pid_, &status, WNOHANG) == pid_;
    if (ended) pid_ = -1;
    if (ended || std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("redis-server does not start (is it installed? scripts/install_packages.sh); its log is " + log_path);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

RedisServer::~RedisServer() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);  // Its data is thrown away.
  int status = 0;
  ::waitpid(pid_, &status, 0);
}

std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen((command + " 2>/dev/null </dev/null").c_str(), "re");
  if (pipe == nullptr) throw std::runtime_error("cannot run: " + command);
  std::string out;
  char bytes[4096];
  for (std::size_t size = 0; (size = std::fread(bytes, 1, sizeof bytes, pipe)) > 0;) out.append(bytes, size);
  if (::pclose(pipe) != 0) throw std::runtime_error("this failed: " + command);
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

double run_redis_benchmark(int port, const std::string& test, const RedisLoad& load) {
  std::string command = "redis-benchmark --csv -h 127.0.0.1 -p " + std::to_string(port) + " -c " + std::to_string(load.clients) + " -n " +
                        std::to_string(load.requests) + " -r " + std::to_string(load.keys) + " -d " + std::to_string(load.value_bytes) + " -P " +
                        std::to_string(load.pipeline);
  // Of these redis-benchmark has no test of its own.
  command += test == "SISMEMBER" ? std::string(" SISMEMBER myset element:__rand_int__") : " -t " + test;
  const std::string out = output_of(command);
  // "test","rps",.. and then "SET","6110.60",..
  const std::size_t line = out.rfind('\n') + 1;
  const std::size_t number = out.find("\",\"", line);
  if (number == std::string::npos) throw std::runtime_error("redis-benchmark said something else than was expected: " + out.substr(0, 200));
  return std::stod(out.substr(number + 3));
}

}  // namespace kith::bench
