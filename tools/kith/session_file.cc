#include "tools/kith/session_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>

namespace kith::tools {
namespace {

// Half of the default max_skew: above that a node would take the tag for one from the future.
constexpr std::int64_t kAheadMsMax = 250;
constexpr std::size_t kFileBytesMax = 64 * 1024;  // Some 1,000 clusters; the file is begun anew beyond.

class LockedFile {
 public:
  explicit LockedFile(const std::string& path) : fd_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ >= 0 && flock(fd_, LOCK_EX) != 0) close_it();
  }
  ~LockedFile() { close_it(); }
  LockedFile(const LockedFile&) = delete;
  LockedFile& operator=(const LockedFile&) = delete;

  bool ok() const { return fd_ >= 0; }
  std::string read() const {
    std::string text(kFileBytesMax, '\0');
    const ssize_t got = pread(fd_, text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  bool write(const std::string& text) const {
    return pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
           ftruncate(fd_, static_cast<off_t>(text.size())) == 0;
  }

 private:
  void close_it() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  int fd_;
};

// Lines that make no sense are left out: their sessions end.
std::map<std::string, Tag> parse(const std::string& text) {
  std::map<std::string, Tag> last;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const std::size_t space = line.find(' ');
    if (space != 16) continue;
    if (const auto tag = parse_tag(line.substr(space + 1))) last[line.substr(0, space)] = *tag;
  }
  return last;
}

}  // namespace

std::string session_file_path() {
  if (const char* path = std::getenv("KITH_SESSION_FILE")) return path;
  const char* home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? "" : std::string(home) + "/.kith_session";
}

Tag next_tag_of_lasting_session(const std::string& path, const std::string& cluster, const Tag& fresh) {
  if (path.empty() || cluster.size() != 16) return fresh;
  const LockedFile file(path);
  if (!file.ok()) return fresh;
  auto last = parse(file.read());
  Tag next = fresh;
  if (const auto known = last.find(cluster); known != last.end()) {
    const Tag following{std::max(fresh.at, Timestamp{known->second.at.value + 1}), known->second.actor};
    if (following.at.ms() - fresh.at.ms() <= kAheadMsMax) next = following;
  }
  last[cluster] = next;
  std::string text;
  for (const auto& [id, tag] : last) text += id + " " + to_string(tag) + "\n";
  // SUBTLE: a tag that could not be written down may be minted again, so it is not used.
  return text.size() <= kFileBytesMax && file.write(text) ? next : fresh;
}

}  // namespace kith::tools
