#include "dataplane/transport/xen/granted_pages.h"

#include <sys/mman.h>

#include <cerrno>
#include <string>
#include <vector>

extern "C" {
#include <xengnttab.h>
}

#include "dataplane/abi/ring.h"

namespace vs {
namespace {

tl::unexpected<Error> not_mapped(std::uint32_t domid, std::size_t count) {
  return fail(errno == ENOMEM || errno == ENOSPC ? ErrorCode::exhausted : ErrorCode::invalid,
              "map " + std::to_string(count) + " pages of domain " + std::to_string(domid) + ": not granted, or no more");
}

}  // namespace

Result<std::shared_ptr<GrantMapper>> GrantMapper::open() {
  xengntdev_handle* handle = ::xengnttab_open(nullptr, 0);
  if (handle == nullptr) return fail_errno(errno, "open /dev/xen/gntdev");
  return std::make_shared<GrantMapper>(handle);
}

GrantMapper::~GrantMapper() { ::xengnttab_close(handle_); }

Result<GrantedPages> GrantedPages::map(std::shared_ptr<GrantMapper> mapper, std::uint32_t domid,
                                       std::span<const std::uint32_t> refs) {
  std::vector<std::uint32_t> copy(refs.begin(), refs.end());  // the call takes what it may write
  void* mapped = ::xengnttab_map_domain_grant_refs(mapper->handle(), static_cast<std::uint32_t>(copy.size()), domid, copy.data(),
                                                   PROT_READ | PROT_WRITE);
  if (mapped == nullptr) return not_mapped(domid, refs.size());
  return GrantedPages(std::move(mapper), {static_cast<std::byte*>(mapped), refs.size() * VS_PAGE_BYTES});
}

Result<GrantedPages> GrantedPages::map_notifying(std::shared_ptr<GrantMapper> mapper, std::uint32_t domid, std::uint32_t ref,
                                                 std::uint32_t offset, std::uint32_t port) {
  void* mapped = ::xengnttab_map_grant_ref_notify(mapper->handle(), domid, ref, PROT_READ | PROT_WRITE, offset, port);
  if (mapped == nullptr) return not_mapped(domid, 1);
  return GrantedPages(std::move(mapper), {static_cast<std::byte*>(mapped), VS_PAGE_BYTES});
}

void GrantedPages::unmap() {
  if (!bytes_.empty())
    ::xengnttab_unmap(mapper_->handle(), bytes_.data(), static_cast<std::uint32_t>(bytes_.size() / VS_PAGE_BYTES));
  bytes_ = {};
  mapper_.reset();
}

}  // namespace vs
