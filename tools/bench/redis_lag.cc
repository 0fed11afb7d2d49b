#include "tools/bench/redis_lag.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

namespace kith::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kMarksPerSecond = 100;
constexpr std::chrono::seconds kMarkPatience{10};
constexpr int kTurnMs = 1;
const std::string kChannels = "__keyspace@0__:lag:";

double seconds_since(Clock::time_point begun) { return std::chrono::duration<double>(Clock::now() - begun).count(); }

// A connection that never waits: what the socket does not take stays here.
class Wire {
 public:
  explicit Wire(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (socket_ < 0 || ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      if (socket_ >= 0) ::close(socket_);
      throw std::runtime_error("nobody listens at port " + std::to_string(port));
    }
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(socket_, F_SETFL, O_NONBLOCK);
  }
  ~Wire() { ::close(socket_); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  void say(const std::string& bytes) { waiting_ += bytes; }
  void push() {
    while (!waiting_.empty()) {
      const ssize_t sent = ::send(socket_, waiting_.data(), waiting_.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        if (errno == EAGAIN || errno == EINTR) return;
        throw std::runtime_error("the node closed a connection");
      }
      waiting_.erase(0, static_cast<std::size_t>(sent));
    }
  }
  // What has come, onto `into`.
  void take(std::string& into) {
    char bytes[65536];
    for (;;) {
      const ssize_t size = ::recv(socket_, bytes, sizeof bytes, 0);
      if (size == 0) throw std::runtime_error("the node closed a connection");
      if (size < 0) return;
      into.append(bytes, static_cast<std::size_t>(size));
      if (static_cast<std::size_t>(size) < sizeof bytes) return;
    }
  }
  pollfd wanted() const { return {socket_, static_cast<short>(waiting_.empty() ? POLLIN : POLLIN | POLLOUT), 0}; }

 private:
  int socket_;
  std::string waiting_;
};

std::string set_command(const std::string& key, const std::string& value) {
  return "*3\r\n$3\r\nSET\r\n$" + std::to_string(key.size()) + "\r\n" + key + "\r\n$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
}

// Who is told of marks at one node.
class Reader {
 public:
  Reader(int port, std::size_t marks) : wire_(port), seen_(marks) {
    const std::string pattern = kChannels + "*";
    wire_.say("*2\r\n$10\r\nPSUBSCRIBE\r\n$" + std::to_string(pattern.size()) + "\r\n" + pattern + "\r\n");
    wire_.push();
    for (const auto begun = Clock::now(); heard_.find(":1\r\n") == std::string::npos;) {
      if (seconds_since(begun) > 10 || heard_.starts_with('-')) throw std::runtime_error("a node does not tell of events: " + heard_);
      wait();
    }
    heard_.clear();
    thread_ = std::thread([this] { run(); });
  }
  ~Reader() { stop(); }

  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::size_t count() const { return count_; }
  // REQUIRES: stopped.  When each mark came; the epoch: never.
  const std::vector<Clock::time_point>& seen() const { return seen_; }

 private:
  void wait() {
    pollfd item = wire_.wanted();
    (void)::poll(&item, 1, 50);
    wire_.take(heard_);
  }
  void run() {
    try {
      while (!stop_) {
        wait();
        const auto now = Clock::now();
        std::size_t at = 0;
        for (;;) {
          const std::size_t mark = heard_.find(kChannels, at);
          const std::size_t end = mark == std::string::npos ? mark : heard_.find('\r', mark);
          if (end == std::string::npos) {
            heard_.erase(0, mark == std::string::npos ? heard_.size() - std::min(heard_.size(), kChannels.size()) : mark);
            break;
          }
          const std::string number = heard_.substr(mark + kChannels.size(), end - mark - kChannels.size());
          if (number != "*") {
            const std::size_t n = std::stoul(number);
            if (n < seen_.size() && seen_[n] == Clock::time_point{}) seen_[n] = now, ++count_;
          }
          at = end;
        }
      }
    } catch (const std::exception&) {  // It shows: the marks do not come.
    }
  }

  Wire wire_;
  std::string heard_;
  std::vector<Clock::time_point> seen_;
  std::atomic<std::size_t> count_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Counts answers, and lets no error pass.
std::size_t answers_in(std::string& bytes) {
  std::size_t count = 0, at = 0;
  for (std::size_t end; (end = bytes.find('\n', at)) != std::string::npos; at = end + 1) {
    if (bytes[at] == '-') throw std::runtime_error("a node refused a write: " + bytes.substr(at, end - at));
    ++count;
  }
  bytes.erase(0, at);
  return count;
}

}  // namespace

LagSeen measure_lag(int writer, const std::vector<int>& reader_ports, const LagLoad& load) {
  const auto marks_most = static_cast<std::size_t>(load.seconds * kMarksPerSecond);
  std::vector<std::unique_ptr<Reader>> readers;
  for (const int port : reader_ports) readers.push_back(std::make_unique<Reader>(port, marks_most));
  std::vector<std::unique_ptr<Wire>> wires;
  for (std::size_t i = 0; i <= load.clients; ++i) wires.push_back(std::make_unique<Wire>(writer));
  std::vector<std::string> heard(wires.size());
  std::vector<Clock::time_point> sent(marks_most);
  const std::string value(load.value_bytes, 'x');
  std::mt19937_64 random(1);  // Every run draws the same keys.

  LagSeen out;
  std::size_t written = 0, answered = 0, marks = 0;
  const auto turn = [&] {
    std::vector<pollfd> items;
    for (const auto& wire : wires) {
      wire->push();
      items.push_back(wire->wanted());
    }
    (void)::poll(items.data(), items.size(), kTurnMs);
    for (std::size_t i = 0; i < wires.size(); ++i) {
      if ((items[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) wires[i]->take(heard[i]);
      const std::size_t count = answers_in(heard[i]);
      if (i < load.clients) answered += count;
    }
  };
  const auto begun = Clock::now();
  for (double passed = 0; (passed = seconds_since(begun)) < load.seconds;) {
    for (const auto due = static_cast<std::size_t>(passed * load.per_second); written < due; ++written) {
      wires[written % load.clients]->say(set_command("key:" + std::to_string(random() % load.keys), value));
    }
    if (marks < marks_most && static_cast<double>(marks) < passed * kMarksPerSecond) {
      sent[marks] = Clock::now();
      // A value that was not there before: what changes nothing is no event.
      wires.back()->say(set_command("lag:" + std::to_string(marks), std::to_string(begun.time_since_epoch().count())));
      ++marks;
    }
    turn();
  }
  out.reached_per_second = static_cast<double>(answered) / seconds_since(begun);
  const auto all_seen = [&] {
    return std::all_of(readers.begin(), readers.end(), [&](const auto& reader) { return reader->count() >= marks; });
  };
  for (const auto ended = Clock::now(); !all_seen() && Clock::now() - ended < kMarkPatience;) turn();
  for (const auto& reader : readers) {
    reader->stop();
    for (std::size_t i = 0; i < marks; ++i) {
      if (reader->seen()[i] == Clock::time_point{}) {
        ++out.never;
      } else {
        out.ms.push_back(std::chrono::duration<double, std::milli>(reader->seen()[i] - sent[i]).count());
      }
    }
  }
  std::sort(out.ms.begin(), out.ms.end());
  return out;
}

}  // namespace kith::bench
