/* SPDX-License-Identifier: MIT
 *
 * One live block that is freed more than once: the state byte of mark_freed() and hand_out() in
 * include/millpond/pool/concurrent_core.hpp. Three threads free it once each, at any time. A thread that
 * notices a fault would stop the program; here it ends, so that all the others are followed too.
 * Asserted is
 *   one_passes     of all frees exactly one passes;
 *   late_is_caught a free that begins after another has returned does not pass;
 *   live_once      the block is not handed out while it is live. With HAND_OUT each thread whose free
 *                  passed hands the block out, once all frees have ended.
 *
 * EXACT is free_check::exact. FAST is free_check::fast: there frees that overlap may all pass, and what
 * holds is the rest. Each line here is a test, see run.py; a defect is met by the assertion behind
 * the colon.
 *
 *   holds EXACT
 *   holds EXACT HAND_OUT HANDS_OUT_AT_ONCE
 *   holds FAST MORE_MAY_PASS
 *   holds FAST MORE_MAY_PASS HAND_OUT
 *   fails FAST: one_passes
 *   fails EXACT NO_CHECK: late_is_caught
 *   fails FAST MORE_MAY_PASS NO_CHECK: late_is_caught
 *   fails FAST MORE_MAY_PASS HAND_OUT NO_CHECK_OF_HAND_OUT: live_once
 *   fails FAST MORE_MAY_PASS HAND_OUT HANDS_OUT_AT_ONCE: live_once
 */

#define LIVE 1
#define FREED 2
#define THREADS 3

byte state = LIVE;

/* For the assertions alone. */
byte passed, ended, live;
bool returned; /* some free has */
bool one_passes = 1, late_is_caught = 1, live_once = 1;

inline deallocate() {
#ifdef EXACT
    d_step { before = state; state = FREED }
#elif defined(FAST)
    before = state;
#endif
#ifndef NO_CHECK
    caught = (before != LIVE);
#endif
    if :: caught -> skip :: else -> state = FREED fi
}
inline hand_out() {
    if
#ifndef NO_CHECK_OF_HAND_OUT
    :: state == LIVE -> caught = 1
#endif
    :: else -> state = LIVE
    fi
}

proctype thread() {
    byte before;
    bool caught, is_late;
    is_late = returned;
    deallocate();
    d_step {
        late_is_caught = caught || !is_late;
        assert(late_is_caught);
        returned = returned || !caught;
        passed = passed + !caught;
        ended++
    }
#ifdef HAND_OUT
    ended == THREADS;
    if
    :: caught -> skip
    :: else ->
#ifdef HANDS_OUT_AT_ONCE
        hand_out();
#else
        atomic { hand_out() }
#endif
        d_step {
            live = live + !caught;
            live_once = (live <= 1);
            assert(live_once)
        }
    fi
#endif
}

init {
    atomic {
        run thread();
        run thread();
        run thread()
    }
    _nr_pr == 1;
#ifdef MORE_MAY_PASS
    one_passes = (passed >= 1);
#else
    one_passes = (passed == 1);
#endif
    assert(one_passes)
}
