// node/client_error.h -- what may go wrong between a client and the nodes, for people.
#pragma once

#include <stdexcept>
#include <string>

namespace kith {

class ClientError : public std::runtime_error {
 public:
  enum class Kind {
    kConnect,   // Nobody answers there, or not a Kith node; nothing was sent.
    kTimeout,   // Sent, but no reply in time.  A write may or may not have happened: retry it with its tag.
    kProtocol,  // An answer that could not be understood.
    kLimit,     // The request is larger than a message may be; nothing was sent.
  };
  ClientError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

}  // namespace kith
