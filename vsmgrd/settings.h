// What the parts of vsmgrd are made with, out of its options.
//
// Thread-safe. Errors: invalid, naming the option.
#pragma once

#include "base/result.h"
#include "vsmgrd/api/access.h"
#include "vsmgrd/api/peer_client.h"
#include "vsmgrd/api/server_options.h"
#include "vsmgrd/api/tls.h"
#include "vsmgrd/config/options.h"
#include "vsmgrd/placement/cpu_set.h"

namespace vs {

// Reads the file of the metrics' token.
Result<http::AccessSettings> access_settings(const AccessOptions& options);
http::TlsFiles tls_files(const AccessOptions& options);
http::ServerOptions server_options(const Options& options);
Result<http::PeerSettings> peer_settings(const Options& options);
// Whether messages could be sent to peers; also without any. Reads files.
Result<> check_peers(const Options& options);
Result<CpuSet> reserved_cpus(const Options& options);

}  // namespace vs
