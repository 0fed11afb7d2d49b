#include "store/journal_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "crdt/bytes.h"
#include "store/page_file.h"
#include "store/store.h"

namespace kith {
namespace {

constexpr std::string_view kJournalMagic = "kithjrnl";
constexpr std::uint64_t kJournalVersion = 1;
constexpr std::size_t kFirstFrame = 4096;  // A page of its own: no frame is written again with it.
constexpr std::size_t kHeaderUsed = 56, kFrameHeader = 24, kAlign = 8;

std::uint64_t hash(std::string_view bytes, std::uint64_t seed) { return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed); }

std::string frame_header(std::uint64_t commit, std::uint64_t size) {
  ByteWriter out;
  out.u64(commit);
  out.u64(size);
  return out.take();
}

struct Frame {
  std::uint64_t commit = 0;
  std::string_view record;
  std::uint64_t end = 0;
  bool sound = false;
};

// Nothing when there is no room for one.
std::optional<Frame> frame_at(std::string_view file, std::uint64_t at, std::uint64_t nonce, std::uint64_t after) {
  if (at > file.size() || file.size() - at < kFrameHeader) return std::nullopt;
  ByteReader in(file.substr(at, kFrameHeader));
  Frame out;
  out.commit = in.u64();
  const std::uint64_t size = in.u64(), checksum = in.u64();
  if (out.commit <= after || size == 0 || size > file.size() - at - kFrameHeader) return std::nullopt;
  out.record = file.substr(at + kFrameHeader, size);
  out.end = at + (kFrameHeader + size + kAlign - 1) / kAlign * kAlign;
  out.sound = hash(out.record, hash(file.substr(at, 16), nonce)) == checksum;
  return out;
}

// Where the next sound frame begins, at or behind `at`.
std::optional<std::uint64_t> next_sound(std::string_view file, std::uint64_t at, std::uint64_t nonce, std::uint64_t after) {
  for (; at + kFrameHeader <= file.size(); at += kAlign) {
    const auto frame = frame_at(file, at, nonce, after);
    if (frame && frame->sound) return at;
  }
  return std::nullopt;
}

}  // namespace

std::string journal_path(const std::string& directory, std::uint64_t generation) {
  return directory + "/journal-" + std::to_string(generation % 2) + ".kith";
}

JournalFile::JournalFile(std::string path, std::size_t ahead_bytes)
    : path_(std::move(path)), ahead_bytes_(ahead_bytes), file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
  if (file_ < 0) fail("create", errno);
  const std::string directory = std::filesystem::path(path_).parent_path().string();
  const int fd = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int failed = fd < 0 || ::fsync(fd) != 0 ? errno : 0;
  if (fd >= 0) ::close(fd);
  if (failed == 0) return;
  ::close(std::exchange(file_, -1));
  fail("create", failed);
}

JournalFile::~JournalFile() {
  if (file_ >= 0) ::close(file_);
}

std::uint64_t JournalFile::make_nonce(const JournalHeader& header) const {
  struct stat file {};
  if (::fstat(file_, &file) != 0) fail("look at", errno);
  ByteWriter out;
  for (const std::uint64_t value : {header.generation, header.before, header.after}) out.u64(value);
  for (const auto value : {file.st_ctim.tv_sec, file.st_ctim.tv_nsec}) out.u64(static_cast<std::uint64_t>(value));
  for (const auto value : {file.st_ino, static_cast<ino_t>(file.st_dev)}) out.u64(value);
  return std::max<std::uint64_t>(hash(out.view(), 0), 1);
}

std::uint64_t JournalFile::begin(JournalHeader header) {
  write(std::string(kFirstFrame, '\0'), 0);  // So the file changes now, if it was there before.
  header.nonce = make_nonce(header);
  ByteWriter out;
  out.bytes(kJournalMagic);
  for (const std::uint64_t value : {kJournalVersion, header.generation, header.nonce, header.before, header.after}) out.u64(value);
  out.u64(hash(out.view(), 0));
  std::string page(out.view());
  page.resize(kFirstFrame);
  write(page, 0);
  sync();
  nonce_ = header.nonce;
  at_ = kFirstFrame;
  written_ = std::max<std::uint64_t>(written_, kFirstFrame);
  return nonce_;
}

void JournalFile::append(std::uint64_t commit, const JournalRecord& record) {
  frame_.assign(kFrameHeader, '\0');
  record.encode(commit, frame_);
  const std::size_t size = frame_.size() - kFrameHeader;
  const std::string header = frame_header(commit, size);
  ByteWriter checksum;
  checksum.u64(hash(std::string_view(frame_).substr(kFrameHeader), hash(header, nonce_)));
  frame_.replace(0, header.size(), header);
  frame_.replace(header.size(), checksum.size(), checksum.view());
  frame_.resize((frame_.size() + kAlign - 1) / kAlign * kAlign);
  if (at_ + frame_.size() > written_) {
    const std::string zeros(at_ + frame_.size() - written_ + ahead_bytes_, '\0');
    write(zeros, written_);
    written_ += zeros.size();
  }
  write(frame_, at_);
  sync();
  at_ += frame_.size();
}

void JournalFile::write(std::string_view bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail("write", done < 0 ? errno : EIO);
    bytes.remove_prefix(static_cast<std::size_t>(done));
    at += static_cast<std::uint64_t>(done);
  }
}

void JournalFile::sync() {
  if (::fdatasync(file_) != 0) fail("sync", errno);
}

void JournalFile::fail(const char* doing, int error) const {
  throw StoreError(StoreError::Kind::kSync,
                   std::string("cannot make a commit durable: cannot ") + doing + " " + path_ + ": " + std::strerror(error) +
                       (error == ENOSPC || error == EDQUOT ? "; free room on the disk, then start again"
                        : error == EACCES || error == EPERM ? "; check who owns it and its permissions"
                        : error == EROFS                    ? "; the file system is mounted read-only"
                        : error == EIO                      ? "; the disk fails: let the node join anew on a sound one"
                                                            : "") +
                       "; what the disk holds now is unknown, so the node must stop");
}

std::optional<JournalHeader> read_journal_header(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return std::nullopt;
  const std::string bytes = PageFile(path).read(0, kHeaderUsed);
  ByteReader in(bytes);
  const bool ours = in.bytes(kJournalMagic.size()) == kJournalMagic && in.u64() == kJournalVersion;
  JournalHeader out;
  for (std::uint64_t* value : {&out.generation, &out.nonce, &out.before, &out.after}) *value = in.u64();
  if (in.u64() != hash(std::string_view(bytes).substr(0, std::min(bytes.size(), kHeaderUsed - 8)), 0) || !in.done() || !ours) return std::nullopt;
  return out;
}

JournalRead read_journal(const std::string& path, const JournalHeader& header, const VisitJournal& visit) {
  const PageFile on_disk(path);
  const std::string file = on_disk.read(0, on_disk.bytes());
  JournalRead out{header.after, true};
  std::uint64_t at = kFirstFrame;
  for (;;) {
    const auto frame = frame_at(file, at, header.nonce, out.last);
    if (!frame || !frame->sound) {
      const auto next = next_sound(file, at + kAlign, header.nonce, out.last);
      if (!next) return out;  // The end, torn or not.
      out.sound = frame && frame->end == *next;  // Else a row of it may have rotted: it has a checksum of its own.
    }
    const auto changes = out.sound ? decode_journal_record({frame->commit, 0}, frame->record) : std::nullopt;
    out.sound = changes.has_value();
    if (!changes) return out;
    for (const JournalChange& change : *changes) visit(frame->commit, change);
    out.last = frame->commit;
    at = frame->end;
  }
}

}  // namespace kith
