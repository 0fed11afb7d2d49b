// node/view/connections.h -- the clients a command or a shell has open, by address; names of nodes made into
// addresses.
//
// Belongs to one thread, as its Clients do.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "node/client.h"

namespace kith {

// For people: which name, and which there are.
class UnknownNode : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Connections {
 public:
  using Duration = Client::Duration;

  // Connected, at the first use.  Where nobody listens that is said at once, not after `timeout`.
  // Throws ClientError(kConnect).  The reference lives until drop() of the address.
  Client& to(const std::string& address, Duration timeout);
  void drop(const std::string& address) { clients_.erase(address); }

  // A client that moves from node to node (node/client.h) answers for the node at home() from now on: that is where it is, as far as
  // was looked; settle() looks.
  Client& rove(ClientOptions options);
  Client* roving() { return roving_ ? &*roving_ : nullptr; }
  const std::string& home() const { return home_; }
  void settle() { home_ = roving_->address(); }  // REQUIRES: roving().

  // Asks once.  A connection that fails is dropped, so that the next question begins with a new one.
  ClientReply call(const std::string& address, const Request& request, Duration timeout);

  // "n2" -> its client address, as `ask` (an address) knows it; an address stays what it is.
  // Throws UnknownNode when `ask` knows no node of that name.
  std::string resolve(const std::string& node, const std::string& ask, Duration timeout);

  // What the node at `address` says of its reads.  True when it is stale and was not when it was last asked.
  bool newly_stale(const std::string& address, bool stale) {
    return stale ? stale_.insert(address).second : (stale_.erase(address), false);
  }

  // Names that need no asking: those of `kith demo`, whose nodes may be down.
  void know(const std::string& name, const std::string& address) { known_[name] = address; }
  std::vector<std::string> known_names() const;

 private:
  std::map<std::string, Client> clients_;
  std::optional<Client> roving_;
  std::string home_;
  std::map<std::string, std::string> known_;
  std::set<std::string> stale_;
};

// "HOST:PORT", "[V6]:PORT" or "HOST" (then with `default_port`).
std::pair<std::string, std::string> split_address(const std::string& address, const std::string& default_port);

// Connects by TCP and hangs up, to learn at once where nobody listens.  Throws ClientError(kConnect).
void check_listening(const std::string& address, Connections::Duration timeout);

}  // namespace kith
