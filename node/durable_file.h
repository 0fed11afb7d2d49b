// node/durable_file.h -- small files and directories that are the old ones or the new ones, whatever happens.
//
// All of it is durable when it returns.  Errors are DurableFileError, for people.
// Tests: through tests/node/data_directory_test.cc and tests/node/backup_test.cc
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace kith {

class DurableFileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// An open file that is closed when it goes.  False when it could not be opened: then errno says why.
class File {
 public:
  File(const std::string& path, int flags, unsigned int mode = 0600);
  explicit File(int fd) : fd_(fd) {}
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release();
  bool close();  // Whether the system had nothing to complain of.

 private:
  int fd_;
};

bool write_all(int fd, std::string_view bytes);  // False: errno says why.

void replace_file(const std::string& directory, const std::string& name, const std::string& text);
void sync_directory(const std::string& directory);

// `to` must not exist.  Throws when `from` or `to` fail; what is there of `to` then is the caller's to remove.
void copy_file(const std::string& from, const std::string& to);

// Lines NAME=VALUE; others are passed over.  Empty when the file cannot be read.
std::map<std::string, std::string> read_pairs(const std::string& path);

// "there is no room left", "it may not be written by this user", ..: what to do about an errno, behind a colon.
std::string reason(int error);

}  // namespace kith
