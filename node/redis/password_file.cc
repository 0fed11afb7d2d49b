#include "node/redis/password_file.h"

#include <sys/stat.h>

#include <fstream>

#include "node/listen.h"
#include "node/redis/limits.h"

namespace kith::redis {

std::string read_password(const std::string& path) {
  std::ifstream in(path);
  std::string out;
  if (!in || !std::getline(in, out)) throw ListenError("cannot read a password for Redis clients from " + path + ": it must be a file whose first line is the password");
  if (out.ends_with('\r')) out.pop_back();
  if (out.empty()) throw ListenError("the password for Redis clients in " + path + " is empty: write it on the first line");
  if (out.size() > kStrangerArgumentBytesMax) throw ListenError("the password for Redis clients in " + path + " has more bytes than the limit, " + std::to_string(kStrangerArgumentBytesMax));
  struct stat facts {};
  if (::stat(path.c_str(), &facts) == 0 && (facts.st_mode & S_IROTH) != 0) {
    throw ListenError("anybody on this machine may read the password for Redis clients in " + path + ": take that away (chmod 640)");
  }
  return out;
}

}  // namespace kith::redis
