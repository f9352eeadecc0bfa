#include "dataplane/transport/xen/directory.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace vs {
namespace {

std::string padded(const std::uint8_t* bytes, std::size_t room) {
  const auto* text = reinterpret_cast<const char*>(bytes);
  return {text, ::strnlen(text, room)};
}

inline constexpr std::uint32_t kReservedRefs = 8;  // GNTTAB_NR_RESERVED_ENTRIES (xen/grant_table.h)

tl::unexpected<DirectoryProblem> problem(vs_refusal reason, const char* what) {
  return tl::unexpected<DirectoryProblem>(DirectoryProblem{reason, what});
}

}  // namespace

tl::expected<DirectoryVerdict, DirectoryProblem> judge_directory(const vs_xen_directory& copy, std::uint32_t pages) {
  if (copy.magic != VS_XEN_MAGIC) return problem(VS_REFUSAL_PROTOCOL, "directory-ref: the page is no directory");
  if (copy.major != VS_REGION_MAJOR) return problem(VS_REFUSAL_VERSION, "the frontend speaks another version");
  if ((copy.features & ~std::uint64_t{VS_REGION_FEATURES}) != 0)
    return problem(VS_REFUSAL_FEATURES, "the frontend wants features that this backend does not know");
  if (copy.page_count != pages)
    return problem(VS_REFUSAL_MEMORY, "directory: the region is not of the size that region-bytes says");
  if (pages == 0 || pages > VS_XEN_PAGES_MAX) return problem(VS_REFUSAL_MEMORY, "the region is larger than a guest can grant");
  // Those that the kernel keeps for itself are granted to us, too: its console and xenstore.
  if (std::any_of(copy.refs, copy.refs + pages, [](std::uint32_t ref) { return ref < kReservedRefs; }))
    return problem(VS_REFUSAL_MEMORY, "directory: a page is not granted for this: its reference is one of the kernel's own");
  return DirectoryVerdict{.hello = {.generation = copy.generation,
                                    .service = padded(copy.service, sizeof copy.service),
                                    .device = padded(copy.device, sizeof copy.device)},
                          .refs = std::span(copy.refs, pages)};
}

FrontendStep frontend_step(std::optional<std::uint32_t> before, std::optional<std::uint32_t> now, bool answered) {
  if (now == before) return FrontendStep::none;
  const bool over = !now || *now == VS_XEN_CLOSING || *now == VS_XEN_CLOSED;
  if (!before) {
    if (over) return now ? FrontendStep::ends : FrontendStep::none;
    return *now == VS_XEN_INITIALISED ? FrontendStep::opens : FrontendStep::misbehaves;
  }
  if (over) return FrontendStep::ends;
  return *before == VS_XEN_INITIALISED && *now == VS_XEN_CONNECTED && answered ? FrontendStep::connects
                                                                               : FrontendStep::misbehaves;
}

}  // namespace vs
