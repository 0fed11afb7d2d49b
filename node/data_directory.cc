#include "node/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "crdt/tag.h"
#include "node/backup_note.h"
#include "node/durable_file.h"

namespace kith {

namespace {

constexpr const char* kFormat = "1";

[[noreturn]] void fail(const std::string& what, int error = 0) {
  throw DataDirectoryError(error == 0 ? what : what + ": " + std::strerror(error));
}

void replace(const std::string& directory, const std::string& name, const std::string& text) {
  try {
    replace_file(directory, name, text);
  } catch (const DurableFileError& error) {
    fail(error.what());
  }
}

bool exists(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0;
}

}  // namespace

DataDirectory::DataDirectory(std::string path) : path_(std::move(path)) {
  struct stat found {};
  if (::stat(path_.c_str(), &found) == 0) {
    if (!S_ISDIR(found.st_mode)) fail(path_ + " is not a directory: give one with --data DIR, or move that file away");
    if (exists(path_ + "/" + kBackupNote)) {
      fail(path_ + " is a backup, not the data directory of a node: to make a node of it, start with --restore " + path_ +
           " and a new directory as --data");
    }
  } else if (::mkdir(path_.c_str(), 0700) != 0) {
    const int error = errno;
    fail("cannot make the data directory " + path_ +
             (error == ENOENT ? " (does the directory above it exist?)" : ""), error);
  }
  take_lock();
  try {
    read_identity();
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

DataDirectory::~DataDirectory() { ::close(lock_); }

void DataDirectory::take_lock() {
  const std::string name = path_ + "/kithd.lock";
  File file(name, O_RDWR | O_CREAT);
  if (!file) {
    const int error = errno;
    fail("cannot write into the data directory " + path_ +
             " (does it belong to this user, and is the disk writable?)", error);
  }
  if (::flock(file.fd(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail("cannot lock " + name, errno);
    char text[32] = {};
    const ssize_t size = ::pread(file.fd(), text, sizeof text - 1, 0);
    std::string pid(text, size > 0 ? static_cast<std::size_t>(size) : 0);
    while (!pid.empty() && pid.back() == '\n') pid.pop_back();
    fail("the data directory " + path_ + " is in use by the process with pid " + (pid.empty() ? "(unknown)" : pid) +
         ": one node has one directory; stop that process, or give another --data DIR");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.fd(), 0) != 0 || !write_all(file.fd(), pid)) fail("cannot write " + name, errno);
  lock_ = file.release();
}

void DataDirectory::read_identity() {
  const std::string name = path_ + "/kith.id";
  if (!exists(name)) return;
  auto pairs = read_pairs(name);
  if (pairs["format"] != kFormat) {
    fail(name + " has format \"" + pairs["format"] + "\"; this kithd knows format " + kFormat +
         ": was the directory written by a newer Kith, or is the file damaged?");
  }
  const auto node = parse_hex(pairs["node"]);
  const auto cluster = pairs["cluster"].empty() ? std::optional<std::uint64_t>(0) : parse_hex(pairs["cluster"]);
  if (!node || *node == 0 || !cluster || pairs["name"].empty()) {
    fail(name + " is damaged: it must have the lines format, node, name and, once joined, cluster. The store knows the "
                "same: move the file away and start again");
  }
  if (!exists(path_ + "/data.mdb")) {
    fail("the data directory " + path_ + " belongs to node " + pairs["name"] + " (" + pairs["node"] +
         "), but its data.mdb is gone. Put data.mdb back, from a backup if need be; or, to give up what only this node "
         "held, start it on an empty directory, where it will be a new node");
  }
  identity_ = NodeIdentity{NodeId{*node}, pairs["name"], ClusterId{*cluster}};
}

void DataDirectory::check_same_node(NodeId store_node) const {
  if (!identity_ || identity_->node == store_node) return;
  fail("the data directory " + path_ + " belongs to node " + to_hex(identity_->node.value) + ", as its kith.id says, but its " +
       "data.mdb is that of node " + to_hex(store_node.value) + ": one of the two files was copied here; put the right one back");
}

void DataDirectory::remember(const NodeIdentity& identity) {
  if (identity_ == identity) return;
  std::string text = std::string("format=") + kFormat + "\nnode=" + to_hex(identity.node.value) + "\nname=" + identity.name + "\n";
  if (identity.cluster) text += "cluster=" + to_hex(identity.cluster.value) + "\n";
  replace(path_, "kith.id", text);
  identity_ = identity;
}

void DataDirectory::write_addresses(const std::string& client, const std::string& peer, const std::string& redis) const {
  replace(path_, "addresses", "client=" + client + "\npeer=" + peer + "\n" + (redis.empty() ? "" : "redis=" + redis + "\n"));
}

void DataDirectory::remove_addresses() const { ::unlink((path_ + "/addresses").c_str()); }

}  // namespace kith
