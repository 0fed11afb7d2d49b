// tests/node/dns_server.h -- a name server on loopback that knows what a test tells it: A and SRV records, nothing else.
//
// Answers from a thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace kith {

class DnsServer {
 public:
  struct Service {
    std::uint16_t priority = 0;
    std::uint16_t port = 0;
    std::string target;
  };

  DnsServer();
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  std::string address() const;  // 127.0.0.1:PORT
  void host(const std::string& name, const std::vector<std::string>& ipv4);  // In place of what was there.
  void service(const std::string& name, const std::vector<Service>& services);
  std::uint64_t asked() const { return asked_; }

 private:
  void run();
  std::string answer(const std::string& question);

  int socket_ = -1;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> hosts_;      // Guarded by mutex_.
  std::map<std::string, std::vector<Service>> services_;       // Guarded by mutex_.
  std::atomic<std::uint64_t> asked_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace kith
