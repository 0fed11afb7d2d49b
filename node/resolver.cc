#include "node/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>

#include "crdt/limits.h"

namespace kith {

namespace {

constexpr int kTimeoutMs = 1000;
constexpr int kTries = 2;
// Of the internet, and of services: <arpa/nameser.h> has them under names that clash.
constexpr int kClassInternet = 1;
constexpr int kTypeService = 33;

struct Service {
  std::string host;
  std::uint16_t port = 0;
  std::uint16_t priority = 0;
};

struct Library {
  Library() { ares_library_init(ARES_LIB_INIT_ALL); }
  ~Library() { ares_library_cleanup(); }
};

// One question, or several at once, and the wait for their answers.
class Channel {
 public:
  explicit Channel(const std::string& servers) {
    static const Library library;
    ares_options options{};
    options.timeout = kTimeoutMs;
    options.tries = kTries;
    status_ = ares_init_options(&channel_, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
    if (status_ == ARES_SUCCESS && !servers.empty()) status_ = ares_set_servers_ports_csv(channel_, servers.c_str());
  }
  ~Channel() {
    if (channel_ != nullptr) ares_destroy(channel_);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  std::string problem() const { return status_ == ARES_SUCCESS ? "" : ares_strerror(status_); }
  ares_channel get() const { return channel_; }

  void wait() {
    for (;;) {
      std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
      const auto mask = static_cast<unsigned>(ares_getsock(channel_, sockets.data(), ARES_GETSOCK_MAXNUM));
      std::vector<pollfd> watched;
      for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
        const bool reads = (mask >> i & 1) != 0, writes = (mask >> (i + ARES_GETSOCK_MAXNUM) & 1) != 0;
        if (reads || writes) watched.push_back({sockets[i], static_cast<short>((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), 0});
      }
      if (watched.empty()) return;
      timeval most{kTimeoutMs / 1000, 0}, left{};
      const timeval* wait = ares_timeout(channel_, &most, &left);
      ::poll(watched.data(), watched.size(), static_cast<int>(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1));
      ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // What has taken too long.
      for (const pollfd& at : watched) {
        if (at.revents == 0) continue;
        ares_process_fd(channel_, (at.revents & ~POLLOUT) != 0 ? at.fd : ARES_SOCKET_BAD, (at.revents & POLLOUT) != 0 ? at.fd : ARES_SOCKET_BAD);
      }
    }
  }

 private:
  ares_channel channel_ = nullptr;
  int status_ = ARES_SUCCESS;
};

struct HostAnswer {
  std::uint16_t port = 0;
  Resolved* out = nullptr;
};

void on_host(void* argument, int status, int, ares_addrinfo* found) {
  const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> guard(found, ares_freeaddrinfo);
  const HostAnswer& answer = *static_cast<HostAnswer*>(argument);
  if (status != ARES_SUCCESS) {
    answer.out->problem = ares_strerror(status);
    return;
  }
  for (const ares_addrinfo_node* node = found->nodes; node != nullptr; node = node->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(node->ai_addr, node->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) continue;
    const Address address{text, answer.port};
    auto& addresses = answer.out->addresses;
    if (addresses.size() < kMembersMax && std::find(addresses.begin(), addresses.end(), address) == addresses.end()) addresses.push_back(address);
  }
}

struct ServiceAnswer {
  std::vector<Service> services;
  std::string problem;
};

void on_service(void* argument, int status, int, unsigned char* bytes, int size) {
  ServiceAnswer& out = *static_cast<ServiceAnswer*>(argument);
  ares_srv_reply* found = nullptr;
  if (status == ARES_SUCCESS) status = ares_parse_srv_reply(bytes, size, &found);
  if (status != ARES_SUCCESS) {
    out.problem = ares_strerror(status);
    return;
  }
  for (const ares_srv_reply* at = found; at != nullptr && out.services.size() < kMembersMax; at = at->next) {
    if (at->port != 0) out.services.push_back({at->host, at->port, at->priority});
  }
  ares_free_data(found);
  std::stable_sort(out.services.begin(), out.services.end(), [](const Service& a, const Service& b) { return a.priority < b.priority; });
  if (out.services.empty()) out.problem = "no target in it has a port";
}

}  // namespace

Resolved Resolver::host(const Address& address) const {
  Resolved out;
  Channel channel(servers_);
  out.problem = channel.problem();
  if (!out.problem.empty()) return out;
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  HostAnswer answer{address.port, &out};
  ares_getaddrinfo(channel.get(), address.host.c_str(), nullptr, &hints, on_host, &answer);
  channel.wait();
  if (!out.addresses.empty()) out.problem.clear();
  return out;
}

Resolved Resolver::service(const std::string& name) const {
  Resolved out;
  ServiceAnswer answer;
  {
    Channel channel(servers_);
    out.problem = channel.problem();
    if (!out.problem.empty()) return out;
    ares_query(channel.get(), name.c_str(), kClassInternet, kTypeService, on_service, &answer);
    channel.wait();
  }
  out.problem = answer.problem;
  for (const Service& service : answer.services) {
    const Resolved target = host({service.host, service.port});
    if (!target.problem.empty()) out.problem = service.host + ": " + target.problem;
    for (const Address& address : target.addresses) {
      if (out.addresses.size() < kMembersMax && std::find(out.addresses.begin(), out.addresses.end(), address) == out.addresses.end()) out.addresses.push_back(address);
    }
  }
  if (!out.addresses.empty()) out.problem.clear();
  return out;
}

}  // namespace kith
