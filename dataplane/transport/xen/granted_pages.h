// Pages that another domain grants, mapped here.
//
// A mapped page stays, whatever its domain does: it cannot be taken away or shrink, and touching it never faults. So it must be
// unmapped when its domain dies, or the domain stays as a ghost. Movable; thread-safe as a handle of its own.
// Errors: invalid, when a page is not granted to us, or no more; exhausted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "base/result.h"

struct xengntdev_handle;

namespace vs {

// The kernel's grant mapper (/dev/xen/gntdev). Thread-safe.
class GrantMapper {
 public:
  static Result<std::shared_ptr<GrantMapper>> open();
  explicit GrantMapper(xengntdev_handle* handle) : handle_(handle) {}
  ~GrantMapper();
  GrantMapper(const GrantMapper&) = delete;
  GrantMapper& operator=(const GrantMapper&) = delete;
  [[nodiscard]] xengntdev_handle* handle() const { return handle_; }

 private:
  xengntdev_handle* handle_;
};

class GrantedPages {
 public:
  GrantedPages() = default;
  static Result<GrantedPages> map(std::shared_ptr<GrantMapper> mapper, std::uint32_t domid, std::span<const std::uint32_t> refs);
  // One page; when it is unmapped, by us or by our death, the kernel clears its byte at `offset` and rings `port`.
  static Result<GrantedPages> map_notifying(std::shared_ptr<GrantMapper> mapper, std::uint32_t domid, std::uint32_t ref,
                                            std::uint32_t offset, std::uint32_t port);
  GrantedPages(GrantedPages&& other) noexcept
      : mapper_(std::move(other.mapper_)), bytes_(std::exchange(other.bytes_, {})) {}
  GrantedPages& operator=(GrantedPages&& other) noexcept {
    std::swap(mapper_, other.mapper_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~GrantedPages() { unmap(); }

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  void unmap();

 private:
  GrantedPages(std::shared_ptr<GrantMapper> mapper, std::span<std::byte> bytes) : mapper_(std::move(mapper)), bytes_(bytes) {}

  std::shared_ptr<GrantMapper> mapper_;
  std::span<std::byte> bytes_;
};

}  // namespace vs
