#include "tests/vsmgrd/store/fault_vfs.h"

#include <new>

#include "base/check.h"

namespace vs::test {
namespace {

// SQLite allocates szOsFile bytes: this, then the real VFS's file behind it.
struct FaultFile {
  sqlite3_file base;
  FaultVfs* vfs;
  std::string* path;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

FaultFile* file_of(sqlite3_file* file) { return reinterpret_cast<FaultFile*>(file); }
sqlite3_file* real_of(sqlite3_file* file) { return file_of(file)->real(); }
const sqlite3_io_methods* methods_of(sqlite3_file* file) { return real_of(file)->pMethods; }

int close_file(sqlite3_file* file) {
  delete file_of(file)->path;
  return methods_of(file)->xClose(real_of(file));
}
int read_file(sqlite3_file* file, void* into, int bytes, sqlite3_int64 at) {
  return methods_of(file)->xRead(real_of(file), into, bytes, at);
}
int write_file(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
  if (const int fault = file_of(file)->vfs->before_write(); fault != SQLITE_OK) {
    if (file_of(file)->vfs->tears()) methods_of(file)->xWrite(real_of(file), from, bytes / 2, at);
    return fault;
  }
  return methods_of(file)->xWrite(real_of(file), from, bytes, at);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 bytes) {
  if (const int fault = file_of(file)->vfs->before_write(); fault != SQLITE_OK) return fault;
  return methods_of(file)->xTruncate(real_of(file), bytes);
}
int sync_file(sqlite3_file* file, int flags) {
  if (const int fault = file_of(file)->vfs->before_write(); fault != SQLITE_OK) return fault;
  const int result = methods_of(file)->xSync(real_of(file), flags);
  if (result == SQLITE_OK && file_of(file)->path)
    file_of(file)->vfs->after_sync(*file_of(file)->path);
  return result;
}
int size_of_file(sqlite3_file* file, sqlite3_int64* bytes) {
  return methods_of(file)->xFileSize(real_of(file), bytes);
}
int lock_file(sqlite3_file* file, int kind) { return methods_of(file)->xLock(real_of(file), kind); }
int unlock_file(sqlite3_file* file, int kind) {
  return methods_of(file)->xUnlock(real_of(file), kind);
}
int check_reserved(sqlite3_file* file, int* held) {
  return methods_of(file)->xCheckReservedLock(real_of(file), held);
}
int control_file(sqlite3_file* file, int operation, void* argument) {
  return methods_of(file)->xFileControl(real_of(file), operation, argument);
}
int sector_size(sqlite3_file* file) { return methods_of(file)->xSectorSize(real_of(file)); }
int characteristics(sqlite3_file* file) {
  return methods_of(file)->xDeviceCharacteristics(real_of(file));
}
int map_shared(sqlite3_file* file, int region, int bytes, int extend, void volatile** into) {
  return methods_of(file)->xShmMap(real_of(file), region, bytes, extend, into);
}
int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
  return methods_of(file)->xShmLock(real_of(file), offset, count, flags);
}
void barrier_shared(sqlite3_file* file) { methods_of(file)->xShmBarrier(real_of(file)); }
int unmap_shared(sqlite3_file* file, int remove) {
  return methods_of(file)->xShmUnmap(real_of(file), remove);
}

// Version 2: without memory-mapped input and output, which would go past us.
const sqlite3_io_methods kMethods{
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = size_of_file,
    .xLock = lock_file,
    .xUnlock = unlock_file,
    .xCheckReservedLock = check_reserved,
    .xFileControl = control_file,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = map_shared,
    .xShmLock = lock_shared,
    .xShmBarrier = barrier_shared,
    .xShmUnmap = unmap_shared,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int open_file(sqlite3_vfs* self, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* vfs = static_cast<FaultVfs*>(self->pAppData);
  auto* opened = new (file) FaultFile{.base = {}, .vfs = vfs, .path = nullptr};
  const int result = vfs->real()->xOpen(vfs->real(), name, opened->real(), flags, out_flags);
  if (opened->real()->pMethods) {  // else it must not be closed
    opened->base.pMethods = &kMethods;
    opened->path = name ? new std::string(name) : nullptr;
  }
  return result;
}

int delete_file(sqlite3_vfs* self, const char* name, int sync_directory) {
  auto* vfs = static_cast<FaultVfs*>(self->pAppData);
  const int result = vfs->real()->xDelete(vfs->real(), name, sync_directory);
  if (result == SQLITE_OK && sync_directory != 0) vfs->after_synced_delete(name);
  return result;
}

}  // namespace

FaultVfs::FaultVfs() : real_(sqlite3_vfs_find(nullptr)), self_(*real_) {
  self_.zName = "fault";
  self_.pNext = nullptr;
  self_.pAppData = this;
  self_.szOsFile = static_cast<int>(sizeof(FaultFile)) + real_->szOsFile;
  self_.xOpen = open_file;
  self_.xDelete = delete_file;
  VS_CHECK(sqlite3_vfs_register(&self_, 1) == SQLITE_OK);
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_unregister(&self_);
  sqlite3_vfs_register(real_, 1);
}

void FaultVfs::keep_synced(std::filesystem::path from, std::filesystem::path into) {
  from_ = std::move(from);
  into_ = std::move(into);
}

int FaultVfs::before_write() {
  if (passes_ == 0) {
    passes_ = -1;
    result_ = later_result_;
    struck_ = true;
  } else if (passes_ > 0) {
    --passes_;
  }
  return result_;
}

void FaultVfs::after_sync(const std::string& path) {
  ++syncs_;
  const std::filesystem::path file(path);
  if (from_.empty() || file.parent_path() != from_) return;
  std::filesystem::copy_file(file, into_ / file.filename(),
                             std::filesystem::copy_options::overwrite_existing);
}

void FaultVfs::after_synced_delete(const std::string& path) {
  const std::filesystem::path file(path);
  if (!from_.empty() && file.parent_path() == from_)
    std::filesystem::remove(into_ / file.filename());
}

}  // namespace vs::test
