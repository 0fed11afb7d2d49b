#include "tests/node/dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace kith {

namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::uint16_t kTypeA = 1, kTypeSrv = 33, kClassInternet = 1;

void put16(std::string& out, std::uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xff);
}

std::uint16_t get16(const std::string& bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8 | static_cast<unsigned char>(bytes[at + 1]));
}

std::string name_bytes(const std::string& name) {
  std::string out;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find('.', at), name.size());
    out += static_cast<char>(end - at);
    out += name.substr(at, end - at);
    at = end + 1;
  }
  return out + '\0';
}

}  // namespace

DnsServer::DnsServer() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no port for a name server");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

DnsServer::~DnsServer() {
  stop_ = true;
  thread_.join();
  ::close(socket_);
}

std::string DnsServer::address() const { return "127.0.0.1:" + std::to_string(port_); }

void DnsServer::host(const std::string& name, const std::vector<std::string>& ipv4) {
  const std::scoped_lock lock(mutex_);
  hosts_[name] = ipv4;
}

void DnsServer::service(const std::string& name, const std::vector<Service>& services) {
  const std::scoped_lock lock(mutex_);
  services_[name] = services;
}

void DnsServer::run() {
  while (!stop_) {
    pollfd watched{socket_, POLLIN, 0};
    if (::poll(&watched, 1, 10) != 1) continue;
    std::string question(1500, '\0');
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got = ::recvfrom(socket_, question.data(), question.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < static_cast<ssize_t>(kHeaderBytes)) continue;
    question.resize(static_cast<std::size_t>(got));
    ++asked_;
    const std::string out = answer(question);
    (void)::sendto(socket_, out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
}

std::string DnsServer::answer(const std::string& question) {
  std::string name;
  std::size_t at = kHeaderBytes;
  while (at < question.size() && question[at] != 0) {
    const auto length = static_cast<std::size_t>(static_cast<unsigned char>(question[at]));
    name += (name.empty() ? "" : ".") + question.substr(at + 1, length);
    at += 1 + length;
  }
  ++at;
  if (at + 4 > question.size()) return {};
  const std::uint16_t type = get16(question, at);

  std::vector<std::string> records;
  bool known = false;
  {
    const std::scoped_lock lock(mutex_);
    known = hosts_.contains(name) || services_.contains(name);
    if (type == kTypeA && hosts_.contains(name)) {
      for (const std::string& ipv4 : hosts_[name]) {
        in_addr number{};
        inet_pton(AF_INET, ipv4.c_str(), &number);
        records.emplace_back(reinterpret_cast<const char*>(&number), sizeof number);
      }
    }
    if (type == kTypeSrv && services_.contains(name)) {
      for (const Service& service : services_[name]) {
        std::string record;
        put16(record, service.priority);
        put16(record, 1);  // The weight.
        put16(record, service.port);
        records.push_back(record + name_bytes(service.target));
      }
    }
  }
  constexpr std::uint16_t kAnswer = 0x8180, kNoSuchName = 3;
  std::string out = question.substr(0, 2);
  put16(out, static_cast<std::uint16_t>(kAnswer | (known ? 0 : kNoSuchName)));
  put16(out, 1);
  put16(out, static_cast<std::uint16_t>(records.size()));
  put16(out, 0);
  put16(out, 0);
  out += question.substr(kHeaderBytes, at + 4 - kHeaderBytes);
  for (const std::string& record : records) {
    put16(out, 0xc000 | kHeaderBytes);  // The name: where it stands in the question.
    put16(out, type);
    put16(out, kClassInternet);
    put16(out, 0), put16(out, 0);       // How long it may be kept: not at all.
    put16(out, static_cast<std::uint16_t>(record.size()));
    out += record;
  }
  return out;
}

}  // namespace kith
