#include "node/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

namespace kith {

namespace {

constexpr std::size_t kCopyBytes = 1024 * 1024;

[[noreturn]] void fail(const std::string& what, int error) { throw DurableFileError(what + ": " + reason(error)); }

}  // namespace

File::File(const std::string& path, int flags, unsigned int mode)
    : fd_(::open(path.c_str(), flags | O_CLOEXEC, static_cast<mode_t>(mode))) {}
File::~File() {
  if (fd_ >= 0) ::close(fd_);
}
int File::release() { return std::exchange(fd_, -1); }
bool File::close() { return ::close(release()) == 0; }

std::string reason(int error) {
  std::string out = std::strerror(error);
  if (error == ENOSPC || error == EDQUOT) out += "; free room there, or choose another place";
  if (error == EACCES || error == EPERM) out += "; check who owns the place, and its permissions";
  if (error == EROFS) out += "; it is mounted read-only";
  return out;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void sync_directory(const std::string& directory) {
  const File folder(directory, O_RDONLY | O_DIRECTORY);
  if (!folder || ::fsync(folder.fd()) != 0) fail("cannot sync " + directory, errno);
}

void replace_file(const std::string& directory, const std::string& name, const std::string& text) {
  const std::string path = directory + "/" + name;
  const std::string next = path + ".new";
  {
    const File file(next, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file || !write_all(file.fd(), text) || ::fsync(file.fd()) != 0) fail("cannot write " + next, errno);
  }
  if (::rename(next.c_str(), path.c_str()) != 0) fail("cannot rename " + next, errno);
  sync_directory(directory);
}

void copy_file(const std::string& from, const std::string& to) {
  const File in(from, O_RDONLY);
  if (!in) fail("cannot open " + from, errno);
  File out(to, O_WRONLY | O_CREAT | O_EXCL);
  if (!out) fail("cannot write " + to, errno);
  std::vector<char> bytes(kCopyBytes);
  for (;;) {
    const ssize_t got = ::read(in.fd(), bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read " + from, errno);
    if (got == 0) break;
    if (!write_all(out.fd(), {bytes.data(), static_cast<std::size_t>(got)})) fail("cannot write " + to, errno);
  }
  if (::fsync(out.fd()) != 0 || !out.close()) fail("cannot write " + to, errno);
}

std::map<std::string, std::string> read_pairs(const std::string& path) {
  std::map<std::string, std::string> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const auto equals = line.find('=');
    if (equals != std::string::npos) out[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return out;
}

}  // namespace kith
