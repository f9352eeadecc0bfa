// How the targets run unless ASAN_OPTIONS says otherwise: freed memory is kept from use for a
// while, but not hundreds of megabytes of it.
extern "C" const char* __asan_default_options() {
  return "quarantine_size_mb=16:malloc_context_size=6:detect_stack_use_after_return=1:handle_abort="
         "1";
}
