import { Component } from "react";

interface AroundCommitProps {
  before: () => void;
  after: () => void;
}

/** Calls `before` when the page is about to change around it and `after` when it has. React has a hook for the second only. */
export class AroundCommit extends Component<AroundCommitProps> {
  override getSnapshotBeforeUpdate(): null {
    this.props.before();
    return null;
  }

  override componentDidUpdate(): void {
    this.props.after();
  }

  override render() {
    return null;
  }
}
