#include "store/page_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "store/store.h"

namespace kith {

PageFile::PageFile(const std::string& path) : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_ < 0) fail("open");
  struct stat found {};
  if (::fstat(fd_, &found) != 0) {
    const int error = errno;
    ::close(fd_);
    errno = error;
    fail("look at");
  }
  regular_ = S_ISREG(found.st_mode);
  bytes_ = static_cast<std::uint64_t>(found.st_size);
}

PageFile::~PageFile() { ::close(fd_); }

std::string PageFile::read(std::uint64_t at, std::uint64_t size) const {
  std::string out(size, '\0');
  std::uint64_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(fd_, out.data() + done, size - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read");
    if (got == 0) break;
    done += static_cast<std::uint64_t>(got);
  }
  out.resize(done);
  return out;
}

void PageFile::fail(const char* doing) const {
  const int error = errno;
  throw StoreError(StoreError::Kind::kOther,
                   std::string("cannot ") + doing + " " + path_ + ": " + std::strerror(error) +
                       (error == EACCES || error == EPERM ? "; check who owns it and its permissions"
                        : error == EIO                    ? "; the disk fails: save what can be read, and replace it"
                                                          : ""));
}

}  // namespace kith
