// node/redis/password_file.h -- the password of the Redis port, from a file: never from a flag, which everybody can list.
#pragma once

#include <string>

namespace kith::redis {

// Its first line.  Throws ListenError when it cannot be read, or is empty, or anybody but its owner and group may read it.
std::string read_password(const std::string& path);

}  // namespace kith::redis
