#include "node/view/connections.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "node/view/status_document.h"
#include "node/view/text.h"

namespace kith {
namespace {

ClientError cannot_connect(const std::string& what) { return ClientError(ClientError::Kind::kConnect, what); }

// 0, or the errno of the attempt.
int try_connect(const addrinfo& target, Connections::Duration timeout) {
  const int fd = socket(target.ai_family, target.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, target.ai_protocol);
  if (fd < 0) return errno;
  int error = connect(fd, target.ai_addr, target.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd wait{.fd = fd, .events = POLLOUT, .revents = 0};
    error = ETIMEDOUT;
    if (poll(&wait, 1, static_cast<int>(timeout.count())) == 1) {
      socklen_t size = sizeof error;
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
  }
  close(fd);
  return error;
}

}  // namespace

std::pair<std::string, std::string> split_address(const std::string& address, const std::string& default_port) {
  const std::size_t colon = address.rfind(':');
  const bool bare_v6 = colon != std::string::npos && address.find(':') != colon && address.front() != '[';
  const bool bracket_last = !address.empty() && address.back() == ']';
  if (colon == std::string::npos || bare_v6 || bracket_last) return {address, default_port};
  return {address.substr(0, colon), address.substr(colon + 1)};
}

void check_listening(const std::string& address, Connections::Duration timeout) {
  auto [host, port] = split_address(address, "");
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    throw cannot_connect("cannot connect to " + address + ": " + gai_strerror(error));
  }
  int error = 0;
  for (const addrinfo* target = found; target != nullptr; target = target->ai_next) {
    error = try_connect(*target, timeout);
    if (error == 0) break;
  }
  freeaddrinfo(found);
  if (error == 0) return;
  throw cannot_connect("cannot connect to " + address + ": " +
                       (error == ECONNREFUSED ? "nobody listens there (is kithd running?)"
                        : error == ETIMEDOUT  ? "no answer within " + duration_in_words(timeout.count())
                                              : std::string(std::strerror(error))));
}

Client& Connections::rove(ClientOptions options) {
  roving_ = Client::open(std::move(options));
  settle();
  return *roving_;
}

Client& Connections::to(const std::string& address, Duration timeout) {
  if (roving_ && address == home_) return *roving_;
  auto found = clients_.find(address);
  if (found == clients_.end()) {
    check_listening(address, timeout);
    found = clients_.emplace(address, Client::connect(address, timeout)).first;
  }
  return found->second;
}

ClientReply Connections::call(const std::string& address, const Request& request, Duration timeout) {
  try {
    return to(address, timeout).call(request, timeout);
  } catch (const ClientError& error) {
    if (error.kind() != ClientError::Kind::kLimit) drop(address);
    throw;
  }
}

std::string Connections::resolve(const std::string& node, const std::string& ask, Duration timeout) {
  if (const auto known = known_.find(node); known != known_.end()) return known->second;
  if (node.find(':') != std::string::npos) return node;
  Request request;
  request.op = ClientOp::kStatus;
  const NodeStatus status = parse_node_status(call(ask, request, timeout).document);
  std::vector<std::string> names;
  for (const MemberRow& member : status.members) {
    if (member.name == node) return member.client_address;
    names.push_back(member.name);
  }
  std::string known_text;
  for (const std::string& name : names) known_text += (known_text.empty() ? "" : ", ") + name;
  const auto meant = closest(node, names);
  throw UnknownNode("no node is named \"" + escaped(node) + "\"; " + ask + " knows " + known_text +
                    (meant ? ": did you mean " + *meant + "?" : "; or give HOST:PORT"));
}

std::vector<std::string> Connections::known_names() const {
  std::vector<std::string> out;
  for (const auto& [name, address] : known_) out.push_back(name);
  return out;
}

}  // namespace kith
