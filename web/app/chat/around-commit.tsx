import { Component } from "react";

interface AroundCommitProps {
  before: () => void;
  after: () => void;
}

/** Calls `before` a commit of the components around it and `after` it. React has a hook for the second only. */
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
