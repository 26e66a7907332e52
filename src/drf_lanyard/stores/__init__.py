"""Where state lives: `memory` (the reference), `orm` (sessions and epochs), `orm_log` (the revocation log)."""
