#include "dataplane/files/server.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace vs::files {
namespace {

constexpr std::string_view kVersion = "9P2000.L";
constexpr std::uint64_t kRootPath = 1;
constexpr std::uint64_t kStatsBasic = 0x7ff;       // P9_STATS_BASIC
constexpr std::uint32_t kSetSize = 1 << 3;         // P9_ATTR_SIZE
constexpr std::uint32_t kSetTimes = 0x1f0;         // P9_ATTR_ATIME .. P9_ATTR_MTIME_SET: times, of which we keep none
constexpr std::uint32_t kFileSystemMagic = 0x01021997;  // V9FS_MAGIC
constexpr std::uint32_t kBlockBytes = 4096;
constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kDataHeaderBytes = kHeaderBytes + 4;  // of Rread and Rreaddir

std::uint8_t type_of_answer(MessageType type) { return static_cast<std::uint8_t>(static_cast<std::uint8_t>(type) + 1); }

// FNV-1a: the same number for the same name, in every mount.
std::uint64_t path_of(std::string_view name) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char one : name) hash = (hash ^ static_cast<unsigned char>(one)) * 1099511628211U;
  return hash | 2;
}

}  // namespace

Server::Server(const Tree& tree, std::uint32_t message_bytes_max, ServerCounts& counts)
    : tree_(tree),
      counts_(counts),
      carried_bytes_(std::min(message_bytes_max, kMessageBytesMax)),
      message_bytes_(carried_bytes_) {}

Qid Server::qid_of(const File* file) const {
  return file == nullptr ? Qid{true, kRootPath} : Qid{false, path_of(file->name())};
}

std::shared_ptr<File> Server::file_named(std::string_view name) const {
  const auto found = std::find_if(tree_.begin(), tree_.end(), [&](const auto& file) { return file->name() == name; });
  return found == tree_.end() ? nullptr : *found;
}

Server::Fid* Server::find(std::uint32_t number) {
  const auto found = fids_.find(number);
  return found == fids_.end() ? nullptr : &found->second;
}

int Server::add(std::uint32_t number, Fid fid) {
  if (number == kNoFid || fids_.contains(number)) return EINVAL;
  if (fids_.size() >= kFidsMax) {
    ++counts_.refused;
    return ENFILE;
  }
  fids_[number] = std::move(fid);
  return 0;
}

Result<> Server::take(std::span<const std::byte> message, const Send& send) {
  Parser fields(message);
  const std::uint32_t size = fields.u32();
  const auto type = static_cast<MessageType>(fields.u8());
  const std::uint16_t tag = fields.u16();
  if (!fields.good() || size != message.size()) return fail(ErrorCode::invalid, "9p: a message of another size than it says");
  if (size > message_bytes_) return fail(ErrorCode::invalid, "9p: a message larger than agreed");
  if (pending_.contains(tag)) return fail(ErrorCode::invalid, "9p: a tag that is in use");
  ++counts_.requests;
  if (!agreed_ && type != MessageType::version) {
    send_error(tag, EPROTO, send);
    return {};
  }
  if (type == MessageType::read) {
    if (const int error = read(tag, fields, send); error != 0) send_error(tag, error, send);
    return {};
  }
  Writer writer(type_of_answer(type), tag);
  int error = answer(type, fields, writer);
  if (error == 0 && !fields.complete()) error = EPROTO;
  if (error != 0)
    send_error(tag, error, send);
  else
    send(writer.finish());
  return {};
}

void Server::send_error(std::uint16_t tag, int error, const Send& send) {
  ++counts_.errors;
  send(Writer(static_cast<std::uint8_t>(MessageType::error) + 1, tag).u32(static_cast<std::uint32_t>(error)).finish());
}

int Server::answer(MessageType type, Parser& fields, Writer& writer) {
  switch (type) {
    case MessageType::version: return version(fields, writer);
    case MessageType::attach: return attach(fields, writer);
    case MessageType::walk: return walk(fields, writer);
    case MessageType::open: return open(fields, writer);
    case MessageType::getattr: return getattr(fields, writer);
    case MessageType::setattr: return setattr(fields);
    case MessageType::readdir: return readdir(fields, writer);
    case MessageType::write: return write(fields, writer);
    case MessageType::clunk: return clunk(fields);
    case MessageType::flush: flush(fields); return 0;
    case MessageType::statfs: return find(fields.u32()) == nullptr ? EBADF : statfs(fields, writer);
    case MessageType::fsync:
      if (find(fields.u32()) == nullptr) return EBADF;
      fields.u32();  // data only: nothing is kept, so nothing is to be kept safe
      return 0;
    case MessageType::remove: {  // takes the fid away whatever comes of it
      const int gone = clunk(fields);
      return gone != 0 ? gone : EPERM;
    }
    case MessageType::readlink: return EINVAL;
    case MessageType::create:
    case MessageType::symlink:
    case MessageType::mknod:
    case MessageType::rename:
    case MessageType::link:
    case MessageType::mkdir:
    case MessageType::renameat:
    case MessageType::unlinkat: return EPERM;
    default: return EOPNOTSUPP;
  }
}

// Begins anew, whatever was before.
int Server::version(Parser& fields, Writer& writer) {
  const std::uint32_t wanted = fields.u32();
  const std::string_view version = fields.text();
  if (!fields.good()) return EPROTO;
  if (wanted < kMessageBytesMin) return EMSGSIZE;
  pending_.clear();
  fids_.clear();
  agreed_ = version == kVersion;
  message_bytes_ = std::min(wanted, carried_bytes_);
  writer.u32(message_bytes_).text(agreed_ ? kVersion : "unknown");
  return 0;
}

int Server::attach(Parser& fields, Writer& writer) {
  const std::uint32_t number = fields.u32();
  const std::uint32_t authorised = fields.u32();
  fields.text();  // user and tree by name: who a guest is, is known from where it comes, and there is one tree
  fields.text();
  fields.u32();
  if (!fields.good()) return EPROTO;
  if (authorised != kNoFid) return EINVAL;  // there is no Tauth here
  const int error = add(number, {});
  if (error == 0) writer.qid(qid_of(nullptr));
  return error;
}

int Server::walk(Parser& fields, Writer& writer) {
  const std::uint32_t from = fields.u32();
  const std::uint32_t to = fields.u32();
  const std::uint16_t names = fields.u16();
  if (!fields.good() || names > kWalkNamesMax) return EPROTO;
  const Fid* begin = find(from);
  if (begin == nullptr) return EBADF;
  if (begin->open) return EINVAL;  // walk(5): not from an open one
  std::shared_ptr<File> at = begin->file;
  std::vector<Qid> walked;
  bool found = true;
  int error = 0;
  for (std::uint16_t i = 0; i < names; ++i) {
    const std::string_view name = fields.text();
    if (!found) continue;  // the rest of the message is judged, too
    std::shared_ptr<File> next = at;
    if (name != ".." && name != ".") {
      next = at == nullptr ? file_named(name) : nullptr;
      if (next == nullptr) {
        found = false;
        error = at == nullptr ? ENOENT : ENOTDIR;
        continue;
      }
    } else if (at != nullptr) {
      next = nullptr;  // a file's directory is the root
    }
    at = next;
    walked.push_back(qid_of(at.get()));
  }
  if (!fields.good()) return EPROTO;
  if (walked.empty() && names != 0) return error;
  if (found) {
    if (to == from) {
      fids_[from] = Fid{.file = at};
    } else if (const int added = add(to, Fid{.file = at}); added != 0) {
      return added;
    }
  }
  writer.u16(static_cast<std::uint16_t>(walked.size()));
  for (const Qid& one : walked) writer.qid(one);
  return 0;
}

int Server::open(Parser& fields, Writer& writer) {
  Fid* fid = find(fields.u32());
  const std::uint32_t flags = fields.u32();
  if (!fields.good()) return EPROTO;
  if (fid == nullptr) return EBADF;
  if (fid->open) return EINVAL;
  const std::uint32_t access = flags & O_ACCMODE;
  const bool writes = access == O_WRONLY || access == O_RDWR;
  if (fid->file == nullptr && writes) return EISDIR;
  if (fid->file != nullptr) {
    if (writes && !fid->file->writable()) return EACCES;
    fid->opened = fid->file->open();
  }
  fid->open = true;
  fid->writes = writes;
  fid->reads = access != O_WRONLY;
  writer.qid(qid_of(fid->file.get())).u32(0);
  return 0;
}

int Server::getattr(Parser& fields, Writer& writer) {
  const Fid* fid = find(fields.u32());
  fields.u64();  // which of them: all that there are
  if (!fields.good()) return EPROTO;
  if (fid == nullptr) return EBADF;
  const bool directory = fid->file == nullptr;
  const std::uint32_t mode = directory ? S_IFDIR | 0555 : S_IFREG | (fid->file->writable() ? 0666 : 0444);
  writer.u64(kStatsBasic).qid(qid_of(fid->file.get())).u32(mode).u32(0).u32(0);  // root's
  writer.u64(directory ? 2 : 1).u64(0).u64(0).u64(kBlockBytes).u64(0);          // links, device, size, block size, blocks
  for (int times_and_versions = 0; times_and_versions < 10; ++times_and_versions) writer.u64(0);
  return 0;
}

// What a shell does before it writes (it cuts the file to nothing) has no meaning here, and does no harm.
int Server::setattr(Parser& fields) {
  const Fid* fid = find(fields.u32());
  const std::uint32_t what = fields.u32();
  for (int mode_and_owners = 0; mode_and_owners < 3; ++mode_and_owners) fields.u32();
  for (int size_and_times = 0; size_and_times < 5; ++size_and_times) fields.u64();
  if (!fields.good()) return EPROTO;
  if (fid == nullptr) return EBADF;
  if (fid->file == nullptr || !fid->file->writable()) return EPERM;
  return (what & ~(kSetSize | kSetTimes)) == 0 ? 0 : EPERM;
}

int Server::readdir(Parser& fields, Writer& writer) {
  const Fid* fid = find(fields.u32());
  const std::uint64_t offset = fields.u64();
  const std::uint32_t count = fields.u32();
  if (!fields.good()) return EPROTO;
  if (fid == nullptr || !fid->open) return EBADF;
  if (fid->file != nullptr) return ENOTDIR;
  const std::size_t room = std::min<std::size_t>(count, message_bytes_ - kDataHeaderBytes);
  Writer entries(0, 0);
  const std::size_t none = entries.size();
  for (std::uint64_t i = offset; i < tree_.size() + 2; ++i) {
    const File* file = i < 2 ? nullptr : tree_[i - 2].get();
    const std::string_view name = i == 0 ? std::string_view(".") : i == 1 ? std::string_view("..") : std::string_view(file->name());
    constexpr std::size_t kEntryBytes = 13 + 8 + 1 + 2;
    if (entries.size() - none + kEntryBytes + name.size() > room) break;
    entries.qid(qid_of(file)).u64(i + 1).u8(i < 2 ? 4 : 8).text(name);  // DT_DIR, DT_REG
  }
  const auto all = entries.finish().subspan(none);
  writer.u32(static_cast<std::uint32_t>(all.size())).bytes({reinterpret_cast<const char*>(all.data()), all.size()});
  return 0;
}

int Server::write(Parser& fields, Writer& writer) {
  const Fid* fid = find(fields.u32());
  fields.u64();  // where: a file is a stream of messages
  const std::uint32_t count = fields.u32();
  const std::string_view bytes = fields.bytes(count);
  if (!fields.good()) return EPROTO;
  if (fid == nullptr || !fid->open || !fid->writes) return EBADF;
  const auto opened = fid->opened;
  const int error = opened->write(bytes);
  if (error == EAGAIN) ++counts_.refused;
  if (error == 0) writer.u32(count);
  return error;
}

int Server::clunk(Parser& fields) {
  const std::uint32_t number = fields.u32();
  if (!fields.good()) return EPROTO;
  if (find(number) == nullptr) return EBADF;
  end_reads(number);
  fids_.erase(number);
  return 0;
}

int Server::statfs(Parser& fields, Writer& writer) {
  if (!fields.good()) return EPROTO;
  writer.u32(kFileSystemMagic).u32(kBlockBytes);
  for (int blocks_and_files = 0; blocks_and_files < 6; ++blocks_and_files) writer.u64(0);
  writer.u32(kNameBytesMax);
  return 0;
}

int Server::read(std::uint16_t tag, Parser& fields, const Send& send) {
  const std::uint32_t number = fields.u32();
  const std::uint64_t offset = fields.u64();
  const std::uint32_t count = fields.u32();
  if (!fields.complete()) return EPROTO;
  const Fid* fid = find(number);
  if (fid == nullptr || !fid->open || !fid->reads) return EBADF;
  if (fid->file == nullptr) return EISDIR;
  if (pending_.size() >= kPendingMax) {
    ++counts_.refused;
    return EAGAIN;
  }
  const std::uint64_t call = next_number_++;
  pending_[tag] = {call, number, send};
  const auto opened = fid->opened;  // the answer may come at once
  opened->read(offset, std::min<std::size_t>(count, message_bytes_ - kDataHeaderBytes),
               [this, here = std::weak_ptr(alive_), tag, call](int error, std::string_view bytes) {
                 if (here.expired()) return;
                 const auto waiting = pending_.find(tag);
                 if (waiting == pending_.end() || waiting->second.number != call) return;  // flushed
                 const Send answer = std::move(waiting->second.send);
                 pending_.erase(waiting);
                 if (error != 0) return send_error(tag, error, answer);
                 answer(Writer(type_of_answer(MessageType::read), tag)
                            .u32(static_cast<std::uint32_t>(bytes.size()))
                            .bytes(bytes)
                            .finish());
               });
  return 0;
}

void Server::end_reads(std::uint32_t fid) {
  std::vector<std::pair<std::uint16_t, Send>> ended;
  for (const auto& [tag, waiting] : pending_)
    if (waiting.fid == fid) ended.emplace_back(tag, waiting.send);
  for (const auto& [tag, send] : ended) {
    pending_.erase(tag);
    send_error(tag, EBADF, send);
  }
}

// Answered after what it flushes, or instead of it.
void Server::flush(Parser& fields) { pending_.erase(fields.u16()); }

}  // namespace vs::files
