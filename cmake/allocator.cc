// How the programs of this project use jemalloc, which they link because memory here is allocated on
// one thread and freed on another: the C library's own allocator then spends a fifth of all processor
// time on it, and keeps more. Few arenas, and pages given back within a second, keep memory small.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0,background_thread:true";
}
