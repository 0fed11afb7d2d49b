#include "node/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "crdt/limits.h"

namespace kith {

std::optional<Address> parse_address(std::string_view text, std::string* problem) {
  const auto fail = [&](std::string why) -> std::optional<Address> {
    if (problem != nullptr) *problem = "\"" + std::string(text.substr(0, kAddressBytesMax)) + "\" " + std::move(why);
    return std::nullopt;
  };
  if (text.size() > kAddressBytesMax) {
    return fail("is longer than an address may be (" + std::to_string(kAddressBytesMax) + " bytes)");
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail("has no port: give HOST:PORT, as in 127.0.0.1:8765");
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (host.empty()) return fail("has no host: give HOST:PORT, as in 127.0.0.1:8765");
  if (host.front() == '[' && host.back() == ']' && host.size() > 2) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return fail("is no address: an IPv6 address stands in brackets, as in [::1]:8765");
  }
  for (const char c : host) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f || c == '/' || c == ',' || c == ';') {
      return fail("is no address: a host has letters, digits, dots and dashes");
    }
  }
  std::uint16_t port = 0;
  const char* const end = port_text.data() + port_text.size();
  const auto [stop, error] = std::from_chars(port_text.data(), end, port);
  if (port_text.empty() || error != std::errc{} || stop != end) return fail("has no port from 0 to 65535");
  return Address{std::string(host), port};
}

std::string to_string(const Address& address) {
  const bool brackets = address.host.find(':') != std::string::npos;
  return (brackets ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::vector<Address> resolve_all(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  std::vector<Address> out;
  if (getaddrinfo(address.host.c_str(), nullptr, &hints, &found) != 0) return out;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> guard(found, freeaddrinfo);
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) continue;
    const Address one{text, address.port};
    if (std::find(out.begin(), out.end(), one) == out.end()) out.push_back(one);
  }
  return out;
}

std::optional<Address> resolve(const Address& address) {
  if (address.host == "*") return address;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.host.c_str(), nullptr, &hints, &found) != 0 || found == nullptr) return std::nullopt;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> guard(found, freeaddrinfo);
  char text[NI_MAXHOST];
  if (getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) {
    return std::nullopt;
  }
  return Address{text, address.port};
}

}  // namespace kith
